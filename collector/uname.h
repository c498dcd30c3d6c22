// Which kernel runs on this machine, and what is it called?
//
// Core, no state: node_uname_info from uname(2).
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

[[nodiscard]] Result<Families> collect_uname(const HostFs& fs);

}  // namespace muster::collector
