// What time is it on this machine, and which clock tells it?
//
// Core, no state: the time, its zone and /sys/devices/system/clocksource in, node_time_* out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// DataLoss when a clock source is not understood. A machine without that directory has none.
[[nodiscard]] Result<Families> collect_time(const HostFs& fs);

}  // namespace muster::collector
