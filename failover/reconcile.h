// What differs between what is decided and what a node runs?
//
// Pure functions of the replicated state and of what one agent says.
#pragma once

#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/rpc.h"

namespace muster::failover {

// Everything that `node` must run or stop: its whole list, ordered by instance. An agent stops what
// it runs and does not find here. The spec counts only when the agent sees the instance for the
// first time: an instance never changes.
[[nodiscard]] std::vector<rpc::Assignment> assignments_for(const ClusterState& state,
                                                           const NodeName& node);

// The commands that take an agent's registration into the state, in order: the node is up; lost
// copies that it still runs are kept, those that it does not run are forgotten unless they had
// done their work; phases are as it says. Empty when the state says all that already.
[[nodiscard]] std::vector<CommandBody> admit(const ClusterState& state,
                                             const rpc::Register& registration);

// Those of `statuses`, said by `node`, that the state does not know yet. A node speaks for copies
// that are placed on it and for no others.
[[nodiscard]] std::vector<InstanceStatus> news(const ClusterState& state, const NodeName& node,
                                               const std::vector<InstanceStatus>& statuses);

}  // namespace muster::failover
