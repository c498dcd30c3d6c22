// Where do the collectors' files come from?
//
// Driver: the real machine, with directories that may stand for /proc, /sys and /. May be used from
// any thread. Blocks as long as the kernel does; never writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/posix_file.h"
#include "collector/host_fs.h"

namespace muster::collector {

struct HostRoots {  // node_exporter's --path.procfs, --path.sysfs and --path.rootfs
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string rootfs = "/";  // of everything else
};

class PosixHostFs final : public HostFs {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{4} * 1024 * 1024;  // of one file
  static constexpr std::size_t kNamesMax = 65536;                         // of one directory

  explicit PosixHostFs(HostRoots roots = {});

  [[nodiscard]] Result<std::string> read(std::string_view path) const override;
  [[nodiscard]] std::vector<Result<std::string>> read_all(
      const std::string& directory, std::span<const std::string_view> names) const override;
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view path) const override;
  [[nodiscard]] Result<std::size_t> count(std::string_view path) const override;
  [[nodiscard]] Result<std::string> link(std::string_view path) const override;
  [[nodiscard]] Result<std::int64_t> modified(std::string_view path) const override;
  [[nodiscard]] Result<FsUsage> usage(std::string_view path) const override;
  [[nodiscard]] Result<KernelNames> names() const override;
  [[nodiscard]] Result<ClockState> clock_state() const override;
  [[nodiscard]] std::int64_t now() const override;
  [[nodiscard]] Zone zone() const override;
  [[nodiscard]] std::uint64_t page_bytes() const override;

 private:
  // What is known of a file by its path.
  enum class Kind {
    Any,
    Kernels,     // of the kernel's own /proc or /sys, where all files are regular
    ShortLines,  // the same, and its end can be told from how much a read gives
  };

  [[nodiscard]] Result<std::string> real(std::string_view path) const;
  [[nodiscard]] Kind kind_of(std::string_view path) const;
  [[nodiscard]] static Result<std::string> content(int open, const std::string& file, Kind kind);

  // An open file that is read from its beginning again: the kernel makes it anew each time, and
  // need not look for it. One that has been taken away says so when it is read.
  [[nodiscard]] Result<std::string> read_again(std::string_view path) const;
  [[nodiscard]] Descriptor take_kept(std::string_view path) const;
  void keep(std::string_view path, Descriptor open) const;

  HostRoots roots_;
  bool kernels_proc_;  // what stands for /proc is the kernel's own, not files that look like it
  bool kernels_sys_;
  mutable std::mutex mutex_;                                     // over all that follows
  mutable std::map<std::string, Descriptor, std::less<>> kept_;  // that nobody reads at the moment
};

}  // namespace muster::collector
