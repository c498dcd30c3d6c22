// How are this machine's batteries and mains adapters?
//
// Core, no state: /sys/class/power_supply/* in, node_power_supply_* by supply out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// NotFound without /sys/class/power_supply. A number that a driver refuses is left out; DataLoss
// when a file does not hold its number.
[[nodiscard]] Result<Families> collect_power_supply(const HostFs& fs);

}  // namespace muster::collector
