// Which names did a filter keep the last time?
//
// Pure, for one thread at a time. The kernel lists hundreds of fields, the same in the same order
// at each scrape, and a regular expression for each of them costs more than the rest of a scrape.
#pragma once

#include "collector/collector.h"

namespace muster::collector {

// Answers as `filter` does, which must give the same answer to the same name each time. It is asked
// only about names that do not come in the order of the time before.
[[nodiscard]] Filter remembered(Filter filter);

}  // namespace muster::collector
