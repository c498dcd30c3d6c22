#include "agent/prometheus_measures.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "failover/placement.h"

namespace muster::agent {
namespace {

using collector::Labels;
using Series = std::vector<std::pair<Labels, double>>;

void measure_state(collector::Instruments& to, const MasterView& master) {
  const ClusterState& state = *master.state;
  std::map<NodeState, double> nodes{
      {NodeState::Alive, 0}, {NodeState::Failed, 0}, {NodeState::Left, 0}};
  for (const auto& [name, node] : state.nodes) ++nodes[node.state];
  Series by_state;
  for (const auto& [which, count] : nodes) {
    by_state.push_back({{{"state", std::string(to_text(which))}}, count});
  }
  to.replace("muster_nodes", by_state);

  std::map<std::pair<std::string, std::string>, double> phases;
  for (const auto& [id, placement] : state.placements) {
    const std::string phase =
        placement.lost ? "lost" : std::string(to_text(placement.status.phase));
    ++phases[{placement.workload, phase}];
  }
  Series instances;
  for (const auto& [key, count] : phases) {
    instances.push_back({{{"workload", key.first}, {"phase", key.second}}, count});
  }
  to.replace("muster_workload_instances", instances);

  Series wanted;
  for (const auto& [name, record] : state.workloads) {
    wanted.push_back({{{"workload", name}}, double(failover::wanted_copies(state, record.spec))});
  }
  to.replace("muster_workload_wanted", wanted);
  to.set("muster_alerts_firing", {}, static_cast<double>(state.alerts.size()));
}

}  // namespace

void measure(collector::Instruments& to, const View& view, std::size_t rpc_streams) {
  using gossip::MemberState;
  std::map<MemberState, double> members{{MemberState::Alive, 0},
                                        {MemberState::Suspect, 0},
                                        {MemberState::Failed, 0},
                                        {MemberState::Left, 0}};
  for (const auto& [name, member] : *view.members) ++members[member.state];
  Series by_state;
  for (const auto& [state, count] : members) {
    by_state.push_back({{{"state", std::string(to_text(state))}}, count});
  }
  to.replace("muster_members", by_state);
  to.set("muster_insecure", {}, view.insecure ? 1 : 0);
  to.set("muster_lease_remaining_seconds", {}, double(view.lease_remaining_ms) / 1000);
  to.set("muster_rpc_streams", {}, static_cast<double>(rpc_streams));
  const bool coordinating = view.master && view.master->coordinating;
  to.set("muster_is_coordinator", {}, coordinating ? 1 : 0);
  const bool disk_failing = view.state_failing || (view.master && view.master->disk_failing);
  to.set("muster_disk_failing", {}, disk_failing ? 1 : 0);
  if (!view.master) return;
  to.set("muster_raft_term", {}, static_cast<double>(view.master->term));
  to.set("muster_raft_commit_index", {}, static_cast<double>(view.master->commit));
  to.set("muster_raft_applied_index", {}, static_cast<double>(view.master->applied));
  to.set("muster_raft_has_leader", {}, view.master->has_leader ? 1 : 0);
  measure_state(to, *view.master);
}

}  // namespace muster::agent
