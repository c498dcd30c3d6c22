// Where do the collectors' files come from?
//
// Driver: the real machine, with directories that may stand for /proc, /sys and /. May be used from
// any thread. Blocks as long as the kernel does; never writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
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
  [[nodiscard]] static Result<std::string> content(int directory, const char* name,
                                                   const std::string& file, Kind kind);

  HostRoots roots_;
  bool kernels_proc_;  // what stands for /proc is the kernel's own, not files that look like it
  bool kernels_sys_;
};

}  // namespace muster::collector
