// How did each CPU of this machine keep up with the packets that came in?
//
// Core, no state: text of /proc/net/softnet_stat in, node_softnet_* families by CPU out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// The number of columns tells the kernel: 13 or more name the CPU (5.10 and later), of fewer the
// CPU is the line's number. `compat_1_5`: only the three families that node_exporter 1.5 has.
// DataLoss when a line is not understood.
[[nodiscard]] Result<Families> parse_softnet(std::string_view softnet_text, bool compat_1_5);

}  // namespace muster::collector
