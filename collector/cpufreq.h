// How fast do the CPUs of this machine run, within which bounds?
//
// Core, no state: /sys/devices/system/cpu/cpu*/cpufreq in, frequencies in hertz out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// A machine that does not scale its CPUs (a virtual one) has no samples. What a driver does not
// tell, tells only root, or does not know right now, is left out. `compat_1_5`: without the average
// frequency and the governor. NotFound when the machine lists no CPUs, DataLoss when a file holds
// no frequency.
[[nodiscard]] Result<Families> collect_cpufreq(const HostFs& fs, bool compat_1_5);

}  // namespace muster::collector
