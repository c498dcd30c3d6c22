// What are this machine's network devices, and in which state?
//
// Core, no state: /sys/class/net/<device>/* in, node_network_info, node_network_up and one family a
// number out. What a driver does not tell (speed of a bridge) is left out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

// NotFound without /sys/class/net; DataLoss when a file there does not hold its number. A device
// that goes while it is read is left out. options: netclass_devices, compat_1_5.
[[nodiscard]] Result<Families> collect_netclass(const HostFs& fs, const CollectorOptions& options);

}  // namespace muster::collector
