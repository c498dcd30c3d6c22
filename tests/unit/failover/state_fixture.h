// How do the tests of commands, placement and reconcile build a cluster's state?
//
// Through apply() alone, as masters do.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "failover/commands.h"
#include "failover/placement.h"
#include "failover/reconcile.h"

namespace muster::failover {

using namespace std::chrono_literals;

struct StateTest : testing::Test {
  Result<Outcome> put(CommandBody body, std::string request = {}) {
    wall += 1s;
    return apply(state, ++index, Command{std::move(body), wall, std::move(request)});
  }
  void node(const NodeName& name, const std::string& zone = "a", Resources capacity = {4000, 4096},
            std::map<std::string, std::string> labels = {}) {
    NodeInfo info;
    info.name = name;
    info.zone = zone;
    info.capacity = capacity;
    info.labels = std::move(labels);
    info.rpc = {"10.0.0.1", 7947};
    ASSERT_TRUE(put(NodeUp{info}));
  }
  static WorkloadSpec spec(const std::string& name, std::uint32_t replicas) {
    WorkloadSpec made;
    made.name = name;
    made.replicas = replicas;
    made.command = {"/bin/" + name};
    made.resources = {100, 100};
    return made;
  }
  // Plans once and applies the decisions; returns them.
  std::vector<CommandBody> step() {
    std::vector<CommandBody> decisions = plan(state, wall);
    for (const CommandBody& body : decisions) {
      EXPECT_TRUE(put(body)) << "a planned command must fit";
    }
    return decisions;
  }
  Placement& placement(InstanceId id) { return state.placements.edit().at(id); }
  void report(InstanceId id, Phase phase) {
    InstanceStatus status;
    status.instance = id;
    status.phase = phase;
    status.at = wall;
    ASSERT_TRUE(put(ReportInstances{{status}}));
  }
  // Every agent does what it is told: what shall run is ready, what shall stop has stopped.
  void agents_obey() {
    std::vector<std::pair<InstanceId, Phase>> phases;
    for (const auto& [id, p] : state.placements) {
      if (p.lost || p.status.phase == Phase::Done) continue;
      phases.emplace_back(id, p.wanted == Wanted::Stop ? Phase::Stopped : Phase::Ready);
    }
    for (const auto& [id, phase] : phases) report(id, phase);
  }
  // Plans and obeys until nothing is left to decide.
  void settle() {
    for (int round = 0; round < 100; ++round) {
      if (step().empty()) return;
      agents_obey();
    }
    FAIL() << "the plan never comes to rest";
  }
  std::vector<InstanceId> copies(const std::string& workload, Wanted wanted = Wanted::Run) const {
    std::vector<InstanceId> ids;
    for (const auto& [id, p] : state.placements) {
      if (p.workload == workload && !p.lost && p.wanted == wanted) ids.push_back(id);
    }
    return ids;
  }
  std::size_t ready(const std::string& workload) const {
    std::size_t count = 0;
    for (const auto& [id, p] : state.placements) {
      if (p.workload == workload && !p.lost && p.wanted == Wanted::Run &&
          p.status.phase == Phase::Ready) {
        ++count;
      }
    }
    return count;
  }
  template <class T>
  static std::vector<T> only(const std::vector<CommandBody>& bodies) {
    std::vector<T> found;
    for (const CommandBody& body : bodies) {
      if (const auto* one = std::get_if<T>(&body)) found.push_back(*one);
    }
    return found;
  }
  std::vector<std::string> kinds() const {
    std::vector<std::string> all;
    for (const EventRecord& event : state.events) all.push_back(event.kind);
    return all;
  }

  std::string why_not(const NodeName& name, const WorkloadSpec& wanted) {
    const auto no = reject(state, state.nodes.at(name), wanted);
    return no ? no->reason : "";
  }
  NodeName node_of(InstanceId id) { return placement(id).node; }
  // Plans and obeys one command at a time; checks that enough are ready all the way.
  void roll_out(const std::string& workload, std::size_t ready_min) {
    for (int round = 0; round < 100; ++round) {
      if (step().empty()) return;
      EXPECT_GE(ready(workload), ready_min) << "after round " << round;
      agents_obey();
    }
    FAIL() << "the roll-out never ends";
  }
  bool all_current(const std::string& workload) {
    const auto ids = copies(workload);
    return std::all_of(ids.begin(), ids.end(), [&](InstanceId id) {
      return placement(id).revision == state.workloads.at(workload).revision;
    });
  }

  ClusterState state;
  std::uint64_t index = 0;
  WallTime wall{std::chrono::hours(1)};
};

}  // namespace muster::failover
