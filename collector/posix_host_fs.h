// Where do the collectors' files come from?
//
// Driver: the real machine, with directories that may stand for /proc, /sys and /. May be used from
// any thread. Blocks as long as the kernel does; never writes.
#pragma once

#include <cstddef>
#include <cstdint>
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
  [[nodiscard]] Result<std::string> real(std::string_view path) const;

  HostRoots roots_;
};

}  // namespace muster::collector
