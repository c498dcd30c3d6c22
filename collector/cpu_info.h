// What CPUs is this machine made of?
//
// Core, no state: text of /proc/cpuinfo in, node_cpu_info out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// What the file does not say of a CPU (another architecture than x86 says little) is an empty
// label. DataLoss when no CPU is named, or one for the second time.
[[nodiscard]] Result<Families> parse_cpu_info(std::string_view cpuinfo_text);

}  // namespace muster::collector
