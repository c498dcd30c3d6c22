// How long is this machine's run queue on average?
//
// Core, no state: text of /proc/loadavg in, node_load1, node_load5 and node_load15 out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// DataLoss when the text is not one line of three averages, "running/all" and a process id.
[[nodiscard]] Result<Families> parse_load(std::string_view loadavg_text);

}  // namespace muster::collector
