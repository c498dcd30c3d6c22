// What has the kernel of this machine done since it booted?
//
// Core, no state: text of /proc/stat in, boot time, interrupts, context switches, forks and the
// numbers of running and blocked processes out. The CPU times of the same file are cpu.h's.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// DataLoss when one of the six lines is missing or not understood.
[[nodiscard]] Result<Families> parse_stat(std::string_view stat_text);

}  // namespace muster::collector
