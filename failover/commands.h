// How does the cluster's state change? Only through apply().
//
// Pure and deterministic: the same commands in the same order give the same state on every master
// and in every later version. A command that no longer fits (its workload is gone, its node has
// failed since) changes nothing and says why; that, too, is the same everywhere.
#pragma once

#include <string>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"

namespace muster::failover {

// Applies one committed command. `index` is its log index and only grows. The outcome says what
// happened, for the client; an Error says why nothing did. A command whose request id was applied
// before changes nothing and gets the answer of then, success or failure; Conflict if it is known
// to be of another client or for something else.
Result<Outcome> apply(ClusterState& state, std::uint64_t index, const Command& command);

// Copies that an operator would count: not lost, wanted, of this workload.
[[nodiscard]] std::uint32_t live_copies(const ClusterState& state, const std::string& workload);

}  // namespace muster::failover
