// What do this machine's disks do?
//
// Core: /proc/diskstats in, node_disk_* by device out; node_disk_info and what else udev knows from
// UdevData, the rest of which is in collector/udev_data.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"
#include "collector/udev_data.h"

namespace muster::collector {

struct DiskStats {
  std::string device;
  std::string major, minor;
  std::vector<double> columns;  // as the kernel writes them; 11, 15 or 17
  bool operator==(const DiskStats&) const = default;
};

// DataLoss when a line has fewer than 11 numbers or something else in their place. Older kernels
// have no columns for discards and flushes; what newer ones add behind them is not looked at.
[[nodiscard]] Result<std::vector<DiskStats>> parse_diskstats(std::string_view text);

// options: disk_devices, compat_1_5. `udev` is kept from scrape to scrape.
[[nodiscard]] Result<Families> collect_diskstats(const HostFs& fs, const CollectorOptions& options,
                                                 UdevData& udev);

}  // namespace muster::collector
