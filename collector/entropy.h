// How much randomness does this machine's kernel hold ready?
//
// Core, no state: two files of /proc/sys/kernel/random in, node_entropy_* out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

[[nodiscard]] Result<Families> collect_entropy(const HostFs& fs);

}  // namespace muster::collector
