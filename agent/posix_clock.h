// What do the clocks show?
//
// A driver; any thread.
#pragma once

#include "base/time.h"

namespace muster::agent {

[[nodiscard]] Duration since_boot();  // CLOCK_BOOTTIME: also counts while the machine is suspended
[[nodiscard]] Instant control_now();  // the same, as cores take it
[[nodiscard]] WallTime wall_now();    // CLOCK_REALTIME

}  // namespace muster::agent
