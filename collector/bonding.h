// How many devices of each bonded network device carry traffic?
//
// Core, no state: /sys/class/net/bonding_masters and the devices it names in, node_bonding_* by
// master out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// NotFound without the bonding module. What goes while it is read is not counted.
[[nodiscard]] Result<Families> collect_bonding(const HostFs& fs);

}  // namespace muster::collector
