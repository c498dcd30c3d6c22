// What do the tests of Coordinator play? Consensus, membership and the agents.
#pragma once

#include <gtest/gtest.h>

#include "agent/coordinator.h"
#include "failover/commands.h"

namespace muster::agent {

using namespace std::chrono_literals;
using gossip::MemberState;

// The test is consensus, membership and the agents. n1 is the coordinator.
struct CoordinatorTest : testing::Test {
  static rpc::Register registration(const NodeName& name, std::vector<InstanceStatus> runs = {}) {
    rpc::Register made;
    made.info.name = name;
    made.info.rpc = {name + ".example", 7947};
    made.info.capacity = {1000, 1000};
    made.info.boot = "boot-1";
    made.instances = std::move(runs);
    return made;
  }
  static InstanceStatus status(InstanceId id, Phase phase) {
    InstanceStatus made;
    made.instance = id;
    made.phase = phase;
    return made;
  }
  void take() {
    for (CoordinatorEffect& effect : coordinator.take_effects()) {
      effects.push_back(std::move(effect));
    }
  }
  template <class T>
  std::vector<T> only() {
    std::vector<T> found;
    for (const CoordinatorEffect& effect : effects) {
      if (const auto* one = std::get_if<T>(&effect)) found.push_back(*one);
    }
    return found;
  }
  template <class T>
  std::vector<T> sent(StreamId stream) {
    std::vector<T> found;
    for (const SendFrame& frame : only<SendFrame>()) {
      const auto* one = std::get_if<T>(&frame.frame);
      if (frame.stream == stream && one != nullptr) found.push_back(*one);
    }
    return found;
  }
  template <class T>
  static std::vector<T> within(const ProposeBatch& batch) {
    std::vector<T> found;
    for (const Command& command : batch.commands) {
      if (const auto* one = std::get_if<T>(&command.body)) found.push_back(*one);
    }
    return found;
  }
  // Proposes what is due; the batch, if there is one.
  std::optional<ProposeBatch> step() {
    effects.clear();
    coordinator.step(state, WallTime{}, now);
    take();
    const auto batches = only<ProposeBatch>();
    EXPECT_LE(batches.size(), 1U);
    if (batches.empty()) return std::nullopt;
    return batches[0];
  }
  // Every command of it is committed and applied.
  void commit(const ProposeBatch& batch) {
    effects.clear();
    for (const Command& command : batch.commands) {
      EXPECT_TRUE(failover::apply(state, ++index, command));
    }
    coordinator.on_batch_done(batch.batch);
    coordinator.on_state(state);
    take();
  }
  void settle() {
    for (int round = 0; round < 50; ++round) {
      const auto batch = step();
      if (!batch) return;
      commit(*batch);
    }
    FAIL() << "it never comes to rest";
  }
  void begin(std::uint64_t term = 1) {
    coordinator.begin(term, "first", now);
    coordinator.on_state(state);
    take();
  }
  void see(const NodeName& name, MemberState as = MemberState::Alive) {
    coordinator.on_sighting(name, {as, "because"});
  }
  void connect(StreamId stream, const NodeName& name, std::vector<InstanceStatus> runs = {}) {
    coordinator.on_agent(stream, name, now);
    coordinator.on_register(stream, registration(name, std::move(runs)), now);
    take();
  }
  // n2 is registered on stream 2 and runs one copy of web.
  void with_web() {
    begin();
    see("n2");
    connect(2, "n2");
    settle();
    WorkloadSpec web;
    web.name = "web";
    web.command = {"/bin/web"};
    ASSERT_TRUE(failover::apply(state, ++index, Command{PutWorkload{web}, WallTime{}, {}}));
    coordinator.on_state(state);
    settle();
    coordinator.on_status(2, {{status(1, Phase::Ready)}}, now);
    settle();
    ASSERT_EQ(state.placements.at(1).status.phase, Phase::Ready);
  }

  Instant now{100s};
  ClusterState state;
  std::uint64_t index = 0;
  CoordinatorOptions options = [] {
    CoordinatorOptions impatient;
    impatient.pause = Duration::zero();  // what is due is proposed when it is asked for
    return impatient;
  }();
  Coordinator coordinator{options, "n1"};
  std::vector<CoordinatorEffect> effects;
};

}  // namespace muster::agent
