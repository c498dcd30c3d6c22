#include "failover/reconcile.h"

#include <algorithm>

namespace muster::failover {

std::vector<rpc::Assignment> assignments_for(const ClusterState& state, const NodeName& node) {
  std::vector<rpc::Assignment> items;
  for (const auto& [id, placement] : state.placements) {
    if (placement.node != node || placement.lost) continue;
    // A copy that has done its work is not run again by an agent that has forgotten it.
    if (placement.wanted == Wanted::Run && placement.status.phase == Phase::Done) continue;
    rpc::Assignment item;
    item.instance = id;
    item.token = placement.token;
    item.revision = placement.revision;
    item.wanted = placement.wanted;
    const auto workload = state.workloads.find(placement.workload);
    if (workload != state.workloads.end()) {
      item.spec = workload->second.spec;
    } else {
      item.spec.name = placement.workload;  // gone: there is only something to stop
    }
    items.push_back(std::move(item));
  }
  return items;
}

std::vector<InstanceStatus> news(const ClusterState& state, const NodeName& node,
                                 const std::vector<InstanceStatus>& statuses) {
  std::vector<InstanceStatus> fresh;
  for (const InstanceStatus& status : statuses) {
    const auto found = state.placements.find(status.instance);
    if (found == state.placements.end() || found->second.node != node) continue;
    if (found->second.status != status) fresh.push_back(status);
  }
  return fresh;
}

std::vector<CommandBody> admit(const ClusterState& state, const rpc::Register& registration) {
  std::vector<CommandBody> commands;
  const NodeName& name = registration.info.name;
  const auto record = state.nodes.find(name);
  if (record == state.nodes.end() || record->second.state != NodeState::Alive ||
      record->second.info != registration.info) {
    commands.emplace_back(NodeUp{registration.info});
  }
  for (const auto& entry : state.placements) {
    const Placement& placement = entry.second;
    const InstanceId id = entry.first;
    if (placement.node != name) continue;
    const bool runs =
        std::any_of(registration.instances.begin(), registration.instances.end(),
                    [&](const auto& s) { return s.instance == id && s.phase != Phase::Stopped; });
    // What has done its work is not to be done again because its node was away.
    const bool done = placement.status.phase == Phase::Done && placement.wanted == Wanted::Run;
    if ((runs || done) && placement.lost) commands.emplace_back(KeepInstance{id});
    const bool over = placement.lost || placement.wanted == Wanted::Stop;
    if (!runs && !done && over) {
      commands.emplace_back(ForgetInstance{id, "its node is back and does not run it"});
    }
  }
  std::vector<InstanceStatus> fresh = news(state, name, registration.instances);
  if (!fresh.empty()) commands.emplace_back(ReportInstances{std::move(fresh)});
  return commands;
}

}  // namespace muster::failover
