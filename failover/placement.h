// What shall run where?
//
// Pure functions of the cluster's state. Order of the rules for one copy: constraints, then what is
// free on the node (port, cpu, memory), then spread: fewest copies in the zone, fewest on the node,
// lowest load, name. Every node that is not taken has a reason.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"

namespace muster::failover {

struct Rejection {
  NodeName node;
  std::string reason;
  bool operator==(const Rejection&) const = default;
};

struct Choice {
  NodeName node;       // empty: no node can take it
  std::string reason;  // why this one
  std::vector<Rejection> rejected;
};

// Where the next copy of `spec` goes.
[[nodiscard]] Choice choose_node(const ClusterState& state, const WorkloadSpec& spec);

// Why `node` cannot take one more copy of `spec`; nothing when it can.
[[nodiscard]] std::optional<Rejection> reject(const ClusterState& state, const NodeRecord& node,
                                              const WorkloadSpec& spec);

// How many copies `spec` wants; on every node: on those alive that it could ever run on.
[[nodiscard]] std::uint32_t wanted_copies(const ClusterState& state, const WorkloadSpec& spec);

// The commands that bring `state` towards what its workloads want, in the order in which they must
// be proposed. Empty when nothing is to be done now. Rules:
// - a copy that is missing (its node failed, replicas raised) is placed at once;
// - a copy too many is stopped only while the wanted number is ready without it;
// - a changed spec is rolled out copy by copy, the new one ready before an old one is stopped,
//   unless only the old one's port is in the way; on every node: node by node, old copy first;
// - a copy on a node that is gone for good, or that ended, is forgotten.
[[nodiscard]] std::vector<CommandBody> plan(ClusterState state, WallTime at);

}  // namespace muster::failover
