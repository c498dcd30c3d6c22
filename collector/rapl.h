// How much energy did this machine's processors and memory use?
//
// Core, no state: /sys/class/powercap/* in, node_rapl_<zone>_joules_total out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// NotFound without /sys/class/powercap, and where the counters are only root's: since Linux 5.10
// they are, as they tell one tenant about another.
[[nodiscard]] Result<Families> collect_rapl(const HostFs& fs);

}  // namespace muster::collector
