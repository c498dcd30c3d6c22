// What do the files and the calls of this machine's kernel say?
//
// A port, pure: collector/posix_host_fs.h is the real machine, tests have made-up ones. Paths are
// named as on a normal system, whatever stands for /proc, /sys and / here ("/proc/stat"). Any
// thread. May block as long as the kernel does, for ever on a hung mount. Never writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace muster::collector {

// One mounted file system, as statvfs(3) counts it.
struct FsUsage {
  std::uint64_t size_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t available_bytes = 0;  // to those who are not root
  std::uint64_t files = 0;            // inodes
  std::uint64_t files_free = 0;
  bool operator==(const FsUsage&) const = default;
};

struct KernelNames {  // uname(2)
  std::string sysname, nodename, release, version, machine, domainname;
  bool operator==(const KernelNames&) const = default;
};

// adjtimex(2) without a change, in the kernel's units; `state` is what the call returned.
struct ClockState {
  int state = 0;
  std::int64_t offset = 0, frequency = 0, max_error = 0, est_error = 0;
  std::int64_t status = 0, constant = 0, tick = 0;
  std::int64_t pps_frequency = 0, pps_jitter = 0, pps_shift = 0, pps_stability = 0;
  std::int64_t pps_jitter_count = 0, pps_calibration_count = 0, pps_error_count = 0,
               pps_stability_count = 0;
  std::int64_t tai = 0;
  bool operator==(const ClockState&) const = default;
};

struct Zone {        // of local time
  std::string name;  // "CET"
  int offset_s = 0;  // to be added to UTC
  bool operator==(const Zone&) const = default;
};

class HostFs {
 public:
  HostFs() = default;
  HostFs(const HostFs&) = delete;
  HostFs& operator=(const HostFs&) = delete;
  virtual ~HostFs() = default;

  // The whole content. InvalidArgument for a path that does not begin with / or has a component
  // "..", and for what is not a regular file; NotFound, PermissionDenied and Internal as the kernel
  // says; Exhausted when there is more than a collector can want.
  [[nodiscard]] virtual Result<std::string> read(std::string_view path) const = 0;
  // Several files of one directory, in the order of their names; each as read() has it. For whoever
  // needs many: the real machine then looks for the directory once.
  [[nodiscard]] virtual std::vector<Result<std::string>> read_all(
      const std::string& directory, std::span<const std::string_view> names) const {
    std::vector<Result<std::string>> out;
    out.reserve(names.size());
    for (const std::string_view name : names) {
      std::string path = directory;
      out.push_back(read((path += '/') += name));
    }
    return out;
  }
  // The names in a directory, sorted, without "." and ".."; fails as read() does.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(std::string_view path) const = 0;
  // How many names list() would give; may be cheaper, and has no limit of its own.
  [[nodiscard]] virtual Result<std::size_t> count(std::string_view path) const {
    return list(path).map([](const std::vector<std::string>& names) { return names.size(); });
  }
  // What a symbolic link says, as it stands there; fails as read() does.
  [[nodiscard]] virtual Result<std::string> link(std::string_view path) const = 0;
  // When the file was last written, in nanoseconds since 1970; fails as read() does.
  [[nodiscard]] virtual Result<std::int64_t> modified(std::string_view path) const = 0;
  // Of the file system that is mounted at `path`; fails as read() does.
  [[nodiscard]] virtual Result<FsUsage> usage(std::string_view path) const = 0;
  // Of several, in their order. For whoever needs more than one: a host that watches over itself
  // (collector/posix_watched_host.h) then lets one that hangs hold up no other.
  [[nodiscard]] virtual std::vector<Result<FsUsage>> usage_of_all(
      const std::vector<std::string>& paths) const {
    std::vector<Result<FsUsage>> out;
    out.reserve(paths.size());
    for (const std::string& path : paths) out.push_back(usage(path));
    return out;
  }

  [[nodiscard]] virtual Result<KernelNames> names() const = 0;
  [[nodiscard]] virtual Result<ClockState> clock_state() const = 0;
  [[nodiscard]] virtual std::int64_t now() const = 0;  // nanoseconds since 1970
  [[nodiscard]] virtual Zone zone() const = 0;
  [[nodiscard]] virtual std::uint64_t page_bytes() const = 0;  // of memory
};

}  // namespace muster::collector
