// How much of the machine does the agent itself take?
//
// Core: reads its own two files below /proc/self through a HostFs.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// process_cpu_seconds_total from /proc/self/stat and process_resident_memory_bytes from
// /proc/self/status. DataLoss when either is not understood.
[[nodiscard]] Result<Families> parse_own_process(std::string_view stat_text,
                                                 std::string_view status_text);
// The same of the process that asks; fails also as HostFs::read() does.
[[nodiscard]] Result<Families> own_process(const HostFs& files);

}  // namespace muster::collector
