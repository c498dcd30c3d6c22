// How does a cluster begin again from what is left of its state?
//
// A core of pure functions, for when its masters are gone: from a snapshot, or from the log of a
// master that survived. What was done since then is lost, so that nothing that was given out since
// may be given out again: numbers go on well ahead.
#pragma once

#include <string>

#include "base/cluster_state.h"
#include "base/codec.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/raft_types.h"
#include "base/time.h"
#include "failover/snapshot_file.h"

namespace muster::failover {

// More than a cluster does between two snapshots, and few enough that 64 bits, and the 53 of JSON's
// readers, last.
inline constexpr std::uint64_t kTokensAhead = 1'000'000'000;
inline constexpr std::uint64_t kInstancesAhead = 1'000'000;
inline constexpr raft::Index kIndexesAhead = 1'000'000;
inline constexpr raft::Term kTermsAhead = 1'000'000;

struct Founder {
  NodeName name;
  MasterId id = 0;  // of its log: one that no log had before
  Address rpc;
  WallTime now{};
  std::string from;  // what it begins again from, for people: "a snapshot of ..."
};

// The founder is its only master. What is placed counts as placed and waits for its agents to say
// how it is; leases are over, because their holders may have changed; tokens to join are void,
// because they may have been used.
[[nodiscard]] ClusterState found_anew(ClusterState state, const Founder& founder);

// The state after every command in the log, agreed on or not. Fails with DataLoss when the log
// contradicts itself or holds a command that this version does not know.
[[nodiscard]] Result<ClusterState> replay(const raft::Stored& stored, const Codec& codec);

// What is to be said of a state in a snapshot file.
[[nodiscard]] SnapshotInfo info_of(const ClusterState& state, const std::string& cluster,
                                   raft::Term term, const NodeName& taken_by, WallTime now);

}  // namespace muster::failover
