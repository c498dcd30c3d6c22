// What of the replicated state must every agent know?
//
// Core. The coordinator tells each agent the whole (rpc::Facts) when it registers and again when it
// changes; secrets of authorities and of tokens are not in it, the keys of gossip are.
#pragma once

#include "agent/electorate.h"
#include "base/cluster_state.h"
#include "base/rpc.h"

namespace muster::agent {

[[nodiscard]] rpc::Facts facts_of(const ClusterState& state, const Electorate& electorate);

}  // namespace muster::agent
