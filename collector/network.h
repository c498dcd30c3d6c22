// What passed through this machine's network devices?
//
// Core, no state: text of /proc/net/dev in, node_network_*_total counters by device out. Every
// device is listed, the loopback too. What the file does not have (nohandler) is not made up.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// DataLoss when the two header lines or a device's line are not understood, or there is no device.
[[nodiscard]] Result<Families> parse_network(std::string_view net_dev_text);

}  // namespace muster::collector
