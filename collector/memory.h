// How is this machine's memory used?
//
// Core, no state: text of /proc/meminfo in, one node_memory_* gauge a line out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// "Active(anon): 4 kB" becomes node_memory_Active_anon_bytes 4096; a line without a unit keeps its
// bare name and number. DataLoss when a line is not understood, or MemTotal is missing.
[[nodiscard]] Result<Families> parse_memory(std::string_view meminfo_text);

}  // namespace muster::collector
