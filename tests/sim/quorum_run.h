// What happens to masters in one run from one seed when only their consensus runs?
//
// As seed_run.h: faults, in which only safety counts, then a bound within which all must agree.
#pragma once

#include "seed_run.h"

namespace muster::sim {

// options.nodes: hosts, of which options.masters are masters at the beginning.
[[nodiscard]] SeedReport run_quorum(const SeedOptions& options, bool traced);

}  // namespace muster::sim
