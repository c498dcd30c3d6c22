// How many neighbours does each network device of this machine know?
//
// Core, no state: text of /proc/net/arp in, node_arp_entries by device out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

// `devices` says which to keep. DataLoss when the header or a line is not understood.
[[nodiscard]] Result<Families> parse_arp(std::string_view arp_text, const Filter& devices);

}  // namespace muster::collector
