// Which collectors are there?
//
// Pure: the table of all of them, in the order of their names. Each is a file of its own.
#pragma once

#include <vector>

#include "collector/collector.h"

namespace muster::collector {

// All of them, also those that do not run by default. What one keeps between scrapes is its own.
[[nodiscard]] std::vector<Collector> all_collectors(const CollectorOptions& options);

}  // namespace muster::collector
