// For how long did tasks have to wait for a CPU?
//
// Core, no state: pressure stall information of the kernel (Documentation/accounting/psi.rst).
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace muster::collector {

// Text of /proc/pressure/cpu in; the time since boot in which at least one task that could run
// waited for a CPU ("some ... total=") out. DataLoss when there is no such line.
[[nodiscard]] Result<Duration> parse_cpu_waiting(std::string_view pressure_text);

}  // namespace muster::collector
