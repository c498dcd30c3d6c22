// Which NVMe controllers are in this machine?
//
// Core, no state: /sys/class/nvme/* in, node_nvme_info out.
#pragma once

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

// NotFound without /sys/class/nvme. A controller that goes while it is read is left out.
// options: compat_1_5.
[[nodiscard]] Result<Families> collect_nvme(const HostFs& fs, const CollectorOptions& options);

}  // namespace muster::collector
