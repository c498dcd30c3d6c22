// How hot are this machine's thermal zones, and what is done about it?
//
// Core, no state: /sys/class/thermal/* in, node_thermal_zone_temp and node_cooling_device_* out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

// No families, and success, on a machine without zones. A zone that is off or refuses to be read is
// left out; DataLoss when a file does not hold its number. options: compat_1_5.
[[nodiscard]] Result<Families> collect_thermal_zone(const HostFs& fs,
                                                    const CollectorOptions& options);

}  // namespace muster::collector
