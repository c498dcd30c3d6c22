// Which hardware is this?
//
// Core: /sys/class/dmi/id/* in, node_dmi_info out. What the firmware says does not change until the
// next boot, so that the caller keeps it.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// NotFound without DMI. Labels only for what is there and readable: serial numbers are root's.
[[nodiscard]] Result<Families> collect_dmi(const HostFs& fs);

}  // namespace muster::collector
