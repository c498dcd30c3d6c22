// What of the agent itself belongs into its node's history?
//
// Pure: a View in, families out, as collector/history_series.h takes them.
#pragma once

#include "agent/view.h"
#include "base/sample.h"

namespace muster::agent {

// muster_members by state, muster_instances and muster_gossip_health_score.
[[nodiscard]] Families history_families(const View& view);

}  // namespace muster::agent
