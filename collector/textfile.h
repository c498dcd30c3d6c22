// Which metrics do other programs leave in text files for this machine's scrape?
//
// Core: the *.prom files of a directory in, their families out. A file is taken whole or refused
// whole, by name: what it says must fit to the other files and, in settle(), to what the other
// collectors show, or showed last where a scrape does not ask for them: so the verdict on a file
// does not go by who asks. Keeps the files of one scrape between collect() and settle(); one thread
// at a time.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

class Textfiles {
 public:
  // Together, so that nobody's files fill this process's memory.
  static constexpr std::size_t kFilesMax = 1000;
  static constexpr std::size_t kSeriesMax = 50'000;
  static constexpr std::size_t kBytesMax = std::size_t{16} * 1024 * 1024;

  // `directory` may be a pattern as collector/glob.h has it. Empty: no files, and no error.
  explicit Textfiles(std::string directory) : directory_(std::move(directory)) {}

  // Never fails: a file that is not understood is a complaint, and node_textfile_scrape_error 1.
  [[nodiscard]] Result<Families> collect(const HostFs& fs, Complaints& complaints);
  // As collector.h has it. Pre: `own` is what collect() has just returned.
  void settle(const Others& others, Families& own, Complaints& complaints);

 private:
  struct File {
    std::string path;
    double modified = 0;
    Families families;
  };
  struct Known {  // a family that is already taken
    MetricType type = MetricType::Untyped;
    std::string from;
    std::string part_of;  // the histogram or the summary whose lines have this name; then no series
    std::set<std::string> series;
  };
  using Names = std::map<std::string, Known, std::less<>>;

  void read(const HostFs& fs, const std::string& path, Names& taken, Complaints& complaints);
  void refuse(const std::string& path, std::string_view why, Complaints& complaints);
  [[nodiscard]] Families shown() const;
  // Why `file` does not fit to what is taken. Nothing: it does.
  static std::optional<std::string> clash(const File& file, const Names& taken);
  static void take(const File& file, Names& taken);
  [[nodiscard]] std::optional<std::string> clash_with_others(const File& file) const;
  [[nodiscard]] std::set<std::string> named() const;  // of families and their parts, by the files
  void remember(const Others& others);

  std::string directory_;
  std::vector<File> files_;
  std::size_t bytes_ = 0;
  std::size_t series_ = 0;
  bool failed_ = false;
  // Of each collector, what it showed when it ran last, of the families that the files name.
  std::map<std::string, Names> by_others_;
};

}  // namespace muster::collector
