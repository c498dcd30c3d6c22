// What does a YAML file say, at which line and column, and what in it is wrong?
//
// A driver (yaml-cpp), strict on purpose: an unknown or repeated key, a wrong type and a bad value
// are problems, each one line that begins with `FILE:LINE:COLUMN: KEY.PATH: `, counted from 1,
// columns in bytes. All problems of a file are collected. Hostile text is bounded before it costs
// anything. Any thread, one at a time. Never throws, never decides what a key means.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/problem.h"
#include "base/time.h"

namespace muster {

inline constexpr std::size_t kYamlBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kYamlDepthMax = 32;
inline constexpr std::size_t kYamlValuesMax = 65536;  // keys and values of all documents together
inline constexpr std::size_t kYamlKeysMax = 1024;     // of one mapping

struct YamlTree;  // what was parsed, which keys were asked for, and the problems found

struct YamlPosition {
  int line = 1;
  int column = 1;
  auto operator<=>(const YamlPosition&) const = default;
};

// One place in a document: a mapping, a list, a scalar, or a key that is not there. Cheap to copy;
// keeps the file's tree alive.
//
// The read functions leave `out` as it is, and return false, when the key is not there or when what
// is there is wrong; the latter is recorded as a problem of the file.
class YamlNode {
 public:
  [[nodiscard]] bool present() const { return item_ != kAbsent; }
  [[nodiscard]] bool is_list() const;

  // The value of a key of this mapping. Makes the key known: those never asked for are problems in
  // YamlFile::finish(). A key without a value is an empty mapping.
  [[nodiscard]] YamlNode key(std::string_view name) const;
  // The items of this list, at most `max`; a key without a value is an empty list. `expected` ends
  // the sentence of the problem: "a list of host:port".
  [[nodiscard]] std::vector<YamlNode> items(std::size_t max, std::string_view expected) const;
  // The entries of a mapping whose keys are the user's (labels), in the file's order.
  [[nodiscard]] std::vector<std::pair<std::string, YamlNode>> entries(std::size_t max) const;

  bool read(std::string& out) const;         // any scalar, as written; `007` and `yes` stay text
  bool read(bool& out) const;                // true or false, without quotes
  bool read_duration(Duration& out) const;   // parse_duration()
  bool read_seconds(Duration& out) const;    // parse_seconds(), without quotes
  bool read_size(std::uint64_t& out) const;  // parse_size()
  bool read_cpu(std::uint32_t& out_millis) const;  // parse_cpu()
  bool read_address(Address& out) const;           // parse_address()
  template <std::integral T>
  bool read_number(T& out, T min, T max) const {  // decimal, without quotes, in [min, max]
    std::int64_t value = 0;
    if (!read_integer(value, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max))) {
      return false;
    }
    out = static_cast<T>(value);
    return true;
  }

  // Records a problem here; of a key that is not there, at the mapping that lacks it.
  void wrong(std::string_view what) const;

 private:
  friend class YamlFile;
  static constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);
  YamlNode(std::shared_ptr<YamlTree> tree, std::size_t item, YamlPosition at, std::string path)
      : tree_(std::move(tree)), item_(item), at_(at), path_(std::move(path)) {}
  bool read_integer(std::int64_t& out, std::int64_t min, std::int64_t max) const;
  const std::string* scalar(std::string_view expected) const;
  const std::string* plain_scalar(std::string_view expected) const;
  void mismatch(std::string_view expected) const;
  [[nodiscard]] std::string child_path(std::string_view key) const;

  std::shared_ptr<YamlTree> tree_;
  std::size_t item_;
  YamlPosition at_;
  std::string path_;
};

class YamlFile {
 public:
  // `file` is only the name that problems begin with. Fails with the one problem that makes the
  // text unreadable: not YAML or not UTF-8, too large, too deep, an alias, a tag.
  [[nodiscard]] static Result<YamlFile> parse(std::string_view text, std::string file);

  // Every document that says something; `---` with nothing after it is left out.
  [[nodiscard]] std::vector<YamlNode> documents() const;
  // The only document; of an empty file an empty mapping. A second document is a problem.
  [[nodiscard]] YamlNode document() const;

  [[nodiscard]] std::size_t problem_count() const;
  // Records what a check of the values of `document` found, each at the place of its path or, when
  // that is not written there, of the nearest key above it.
  void add(const YamlNode& document, const std::vector<Problem>& problems);

  // Adds the keys that nobody asked for; returns all problems by position. Call it once, last.
  [[nodiscard]] std::vector<Error> finish();
  // The paths that were asked for and are not there.
  [[nodiscard]] std::vector<std::string> unset() const;

 private:
  explicit YamlFile(std::shared_ptr<YamlTree> tree) : tree_(std::move(tree)) {}
  std::shared_ptr<YamlTree> tree_;
};

// One InvalidArgument whose text has a line for each. Pre: `errors` is not empty.
[[nodiscard]] Error joined(const std::vector<Error>& errors);

// The text of a file of at most kYamlBytesMax. Fails with NotFound, PermissionDenied, Exhausted
// (too large) or Internal, naming the path.
[[nodiscard]] Result<std::string> read_yaml_text(const std::string& path);

}  // namespace muster
