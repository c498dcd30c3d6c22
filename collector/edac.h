// How many memory errors did this machine's controllers see?
//
// Core, no state: /sys/devices/system/edac/mc/* in, node_edac_*_errors_total out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// No families, and success, on a machine without such controllers.
[[nodiscard]] Result<Families> collect_edac(const HostFs& fs);

}  // namespace muster::collector
