// How well does this machine's clock follow a reference?
//
// Core, no state: adjtimex(2) in, node_timex_* out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// The kernel's units become seconds and ratios.
[[nodiscard]] Families timex_families(const ClockState& clock);

// NotFound when the machine does not let its clock be read (as in some containers).
[[nodiscard]] Result<Families> collect_timex(const HostFs& fs);

}  // namespace muster::collector
