// How long did tasks run on each CPU of this machine, and how long did they wait for it?
//
// Core, no state: text of /proc/schedstat in, node_schedstat_* counters by CPU out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// DataLoss when the line of a CPU is not understood or there is none.
[[nodiscard]] Result<Families> parse_schedstat(std::string_view schedstat_text);

}  // namespace muster::collector
