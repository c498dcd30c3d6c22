// What did this machine's memory management do?
//
// Core, no state: text of /proc/vmstat in, one node_vmstat_* family a line out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

// `fields` says which to keep. DataLoss when a line is not a name and a number.
[[nodiscard]] Result<Families> parse_vmstat(std::string_view vmstat_text, const Filter& fields);

}  // namespace muster::collector
