// How full is each mounted file system?
//
// Core, no state: the mounts of process 1 in, node_filesystem_* out. Those that are not left out
// are asked for their usage by one call of HostFs::usage_of_all: for a hung mount that one must
// answer with Code::Timeout, or the collector hangs with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

struct Mount {
  std::string device;  // as the kernel writes it
  std::string mount_point;
  std::string fs_type;
  std::string major, minor;  // empty when the text does not say
  bool read_only = false;    // the mount, or the whole file system
  bool operator==(const Mount&) const = default;
};

// Of /proc/<pid>/mounts and /proc/<pid>/mountinfo. DataLoss when a line is not understood.
[[nodiscard]] Result<std::vector<Mount>> parse_mounts(std::string_view text);
[[nodiscard]] Result<std::vector<Mount>> parse_mountinfo(std::string_view text);

// options: mount_points, fs_types, rootfs, compat_1_5. A complaint for each mount that hangs.
[[nodiscard]] Result<Families> collect_filesystem(const HostFs& fs, const CollectorOptions& options,
                                                  Complaints& complaints);

}  // namespace muster::collector
