// For how long did tasks have to wait for CPU, memory, disks and interrupts?
//
// Core, no state: pressure stall information of the kernel (Documentation/accounting/psi.rst).
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "base/time.h"
#include "collector/host_fs.h"

namespace muster::collector {

// Text of /proc/pressure/cpu in; the time since boot in which at least one task that could run
// waited for a CPU ("some ... total=") out. DataLoss when there is no such line.
[[nodiscard]] Result<Duration> parse_cpu_waiting(std::string_view pressure_text);

// Text of /proc/pressure/`resource` in, its node_pressure_* families out: of "cpu" the waiting time
// alone (that of all tasks at once says nothing there), of "irq" the stalled time alone (the kernel
// keeps no other), of "io" and "memory" both. DataLoss when a line is missing or not understood.
[[nodiscard]] Result<Families> parse_pressure(std::string_view resource,
                                              std::string_view pressure_text);

// Of every resource whose file there is (irq: since Linux 6.1). NotFound when there is none: the
// kernel was built or started without PSI. `compat_1_5`: without irq.
[[nodiscard]] Result<Families> collect_pressure(const HostFs& fs, bool compat_1_5);

}  // namespace muster::collector
