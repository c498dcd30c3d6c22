// Where do the collectors' files come from?
//
// Driver: reads files under /proc and /sys, or under the directories that stand for them. May be
// used from any thread. Blocks as long as the kernel does; never writes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace muster::collector {

struct HostRoots {
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
};

class PosixHostFs {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{1024} * 1024;  // of one file

  explicit PosixHostFs(HostRoots roots = {});

  // The whole content. `path` begins with /proc/ or /sys/, which the roots take the place of, and
  // has no component "..": InvalidArgument. NotFound, PermissionDenied and Internal as the kernel
  // says; InvalidArgument for what is not a regular file; Exhausted above kBytesMax.
  [[nodiscard]] Result<std::string> read(std::string_view path) const;

 private:
  HostRoots roots_;
};

}  // namespace muster::collector
