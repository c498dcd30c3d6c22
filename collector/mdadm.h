// How are this machine's software RAID arrays?
//
// Core, no state: /proc/mdstat in, node_md_* by array out; from /sys the number of disks that an
// array wants and of those it lacks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

struct MdArray {
  std::string name;
  std::string state;  // active, inactive, recovering, resync or check; shown as it is if another
  std::uint64_t disks_required = 0, disks_active = 0, disks_failed = 0, disks_spare = 0;
  std::uint64_t blocks = 0, blocks_synced = 0;  // of 1 KiB
  bool operator==(const MdArray&) const = default;
};

// DataLoss when an array's lines are not understood.
[[nodiscard]] Result<std::vector<MdArray>> parse_mdstat(std::string_view text);

// NotFound without /proc/mdstat. options: compat_1_5.
[[nodiscard]] Result<Families> collect_mdadm(const HostFs& fs, const CollectorOptions& options);

}  // namespace muster::collector
