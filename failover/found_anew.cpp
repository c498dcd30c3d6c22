#include "failover/found_anew.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "failover/commands.h"
#include "failover/raft_check.h"

namespace muster::failover {
namespace {

bool may_run(Phase phase) {
  return phase != Phase::Done && phase != Phase::Stopped && phase != Phase::Refused;
}

void doubt_placements(ClusterState& state, const Founder& founder) {
  for (auto& [id, placement] : state.placements.edit()) {
    if (!may_run(placement.status.phase)) continue;
    placement.status.phase = Phase::Pending;
    placement.status.pid = 0;
    placement.status.at = founder.now;
    placement.status.why =
        "the cluster began again from " + founder.from + "; its agent has not said yet how it is";
  }
}

}  // namespace

ClusterState found_anew(ClusterState state, const Founder& founder) {
  state.index += kIndexesAhead;
  state.next_token += kTokensAhead;
  state.next_instance += kInstancesAhead;
  state.next_event += kInstancesAhead;
  state.coordinator.clear();
  state.masters.clear();
  state.masters[founder.name] = {founder.rpc, founder.id};
  doubt_placements(state, founder);
  state.leases.clear();
  std::vector<std::string> to_join;
  for (const auto& [id, token] : std::as_const(state.tokens)) {
    if (token.kind == TokenKind::Join) to_join.push_back(id);
  }
  for (const std::string& id : to_join) state.tokens.erase(id);
  // Who waits for changes after an index that is gone must read everything again.
  state.kv_changes.clear();
  state.kv_changes_from = state.index;
  state.events.push_back({state.next_event++, founder.now, "founded-anew", "cluster",
                          "the cluster began again on " + founder.name + " from " + founder.from});
  while (state.events.size() > kEventsMax) state.events.pop_front();
  return state;
}

Result<ClusterState> replay(const raft::Stored& stored, const Codec& codec) {
  if (stored.has_no_log()) {
    return fail(Code::NotFound, "the log is empty: this master never held the cluster's state");
  }
  if (Status sound = check_stored(stored); !sound) return tl::unexpected(sound.error());
  ClusterState state;
  if (stored.snapshot.index != 0) {
    auto decoded = codec.decode_state(*stored.snapshot_data);
    if (!decoded) return tl::unexpected(decoded.error());
    state = std::move(*decoded);
  }
  raft::Index index = stored.first;
  for (const raft::Entry& entry : stored.entries) {
    const raft::Index at = index++;
    if (at <= stored.snapshot.index || entry.type != raft::EntryType::Command) continue;
    const auto command = codec.decode_command(*entry.data);
    if (!command) {
      return fail(Code::DataLoss, "entry " + std::to_string(at) +
                                      " of the log cannot be read: " + command.error().text);
    }
    // That a command no longer fitted is part of what happened.
    static_cast<void>(apply(state, at, *command));
  }
  return state;
}

SnapshotInfo info_of(const ClusterState& state, const std::string& cluster, raft::Term term,
                     const NodeName& taken_by, WallTime now) {
  SnapshotInfo info;
  info.cluster = cluster;
  info.cluster_id = state.id;
  info.index = state.index;
  info.term = std::max(term, state.term);
  info.taken_at = now;
  info.taken_by = taken_by;
  for (const auto& [name, master] : state.masters) {
    info.masters.emplace_back(name, master.rpc.text());
  }
  info.state_version = state.version;
  return info;
}

}  // namespace muster::failover
