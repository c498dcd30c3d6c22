// What passed through this machine's network devices?
//
// Core, no state: /proc/net/dev in, node_network_*_total counters by device out, and of each device
// what nobody was there to take (rx_nohandler), which only /sys has.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

// DataLoss when the two header lines or a device's line are not understood, or there is no device.
// Only devices that `devices` keeps are shown.
[[nodiscard]] Result<Families> parse_netdev(std::string_view net_dev_text,
                                            const Filter& devices = {});

[[nodiscard]] Result<Families> collect_netdev(const HostFs& fs, const Filter& devices);

}  // namespace muster::collector
