// What is wrong with the cluster now? Evaluates the built-in rules.
//
// Pure. The same state and time give the same alerts on every master, so that a new coordinator
// goes on where the old one stopped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "alerting/alert.h"
#include "base/cluster_state.h"

namespace muster::alerting {

struct RuleOptions {
  std::string cluster;             // label "cluster" of every alert
  std::uint32_t restarts_min = 3;  // of one copy, before its crash loop is an alert
  Duration unready_for = std::chrono::seconds(60);  // of one copy, before it is an alert
  // A copy that crash-looped counts as well again after so long in Phase::Ready, so that a loop
  // with a short good moment in it is one alert and not many.
  Duration settled_after = std::chrono::seconds(60);
  Duration coordinator_changed_for = std::chrono::seconds(60);  // then that alert resolves
};

// Everything that fires now, ordered by alertname, then by what it is about:
//   CoordinatorChanged  for a while after an election that changed the coordinator
//   NodeFailed          a node's state is Failed
//   WorkloadFailing     a copy crash-loops, was refused by its node, or does not get ready
//   WorkloadUnplaceable a copy finds no node
// Time alone makes some of them begin and end: call it on every change and once a second.
[[nodiscard]] std::vector<Alert> evaluate(const ClusterState& state, WallTime now,
                                          const RuleOptions& options);

// What a master says of itself when it cannot reach a quorum; there is no ClusterState to trust.
// `master` is the node's name.
[[nodiscard]] Alert quorum_lost(const std::string& cluster, const NodeName& master, WallTime since);

}  // namespace muster::alerting
