// What of the replicated state must every agent know?
//
// Core. The coordinator tells each agent the whole (rpc::Facts) when it registers and again when it
// changes; secrets of authorities and of tokens are not in it, the keys of gossip are.
#pragma once

#include <memory>

#include "agent/electorate.h"
#include "base/cluster_state.h"
#include "base/rpc.h"

namespace muster::agent {

[[nodiscard]] rpc::Facts facts_of(const ClusterState& state, const Electorate& electorate);
// The other way round, as far as it goes: a state with the tokens for people and programs.
[[nodiscard]] std::shared_ptr<const ClusterState> known_state(const rpc::Facts& facts);

}  // namespace muster::agent
