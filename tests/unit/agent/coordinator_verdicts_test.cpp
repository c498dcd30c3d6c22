#include "coordinator_fixture.h"

namespace muster::agent {
namespace {

// --- heartbeats ---

TEST_F(CoordinatorTest, AHeartbeatIsAnsweredWithALeaseOfThisTerm) {
  begin(9);
  see("n2");
  connect(2, "n2");
  coordinator.on_heartbeat(2, {5, 12345}, now);
  take();
  ASSERT_EQ(sent<rpc::HeartbeatAck>(2).size(), 1U);
  EXPECT_EQ(sent<rpc::HeartbeatAck>(2)[0], (rpc::HeartbeatAck{5, 12345, 9, 2000}));
}

TEST_F(CoordinatorTest, AHeartbeatAndItsAnswerSayWhatTheTwoClocksSay) {
  const WallTime noon = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 12h;
  const WallAnchor wall{now, noon};
  begin(9);
  see("n2");
  connect(2, "n2");
  EXPECT_TRUE(coordinator.clocks(wall).empty());  // it has not said
  rpc::Heartbeat beat{5, 12345};
  beat.clock = noon + 24h;
  coordinator.on_heartbeat(2, beat, now, noon);
  take();
  ASSERT_EQ(sent<rpc::HeartbeatAck>(2).size(), 1U);
  EXPECT_EQ(sent<rpc::HeartbeatAck>(2)[0].clock, noon);
  const std::vector<ClockReading> clocks = coordinator.clocks(wall);
  ASSERT_EQ(clocks.size(), 1U);
  EXPECT_EQ(clocks[0].node, "n2");
  EXPECT_FALSE(clocks[0].master);
  EXPECT_EQ(clocks[0].there - clocks[0].here, 24h);
}

TEST_F(CoordinatorTest, ASilentAgentIsCutOffAndABeatingOneIsNot) {
  begin();
  see("n2");
  see("n3");
  connect(2, "n2");
  connect(4, "n3");
  settle();
  for (int seconds = 0; seconds < 6; ++seconds) {
    now += 1s;
    coordinator.on_heartbeat(4, {1, 1}, now);
    coordinator.step(state, WallTime{}, now);
    take();
  }
  ASSERT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<CloseStream>()[0].stream, 2U);
  EXPECT_EQ(coordinator.agents(), 1U);
}

// --- verdicts ---

TEST_F(CoordinatorTest, WhatMembershipSaysBecomesCommands) {
  with_web();
  see("n2", MemberState::Suspect);
  auto batch = step();
  ASSERT_TRUE(batch);
  ASSERT_EQ(within<NodeSuspected>(*batch).size(), 1U);
  EXPECT_EQ(within<NodeSuspected>(*batch)[0].evidence, "because");
  commit(*batch);
  see("n2", MemberState::Failed);
  batch = step();
  ASSERT_TRUE(batch);
  EXPECT_EQ(within<NodeFailed>(*batch).size(), 1U);
  commit(*batch);
  EXPECT_TRUE(state.placements.at(1).lost);
}

TEST_F(CoordinatorTest, ARevokedNodeHasFailedWhenItsStreamIsCutWhateverMembershipSees) {
  with_web();
  state.revoked["serial"] = {.node = "n2", .at = {}, .by = "admin", .expires = {}};
  coordinator.on_state(state);
  EXPECT_FALSE(step().has_value());  // somebody there has proved to be n2
  coordinator.on_closed(2);
  coordinator.on_state(state);
  const auto batch = step();
  ASSERT_TRUE(batch);
  ASSERT_EQ(within<NodeFailed>(*batch).size(), 1U);
  EXPECT_EQ(within<NodeFailed>(*batch)[0].evidence, "its certificate is revoked");
  commit(*batch);
  EXPECT_TRUE(state.placements.at(1).lost);
  settle();
  state.certificates["n2"].serial = "another";  // it joined anew
  connect(4, "n2", {status(1, Phase::Ready)});
  settle();
  EXPECT_EQ(state.nodes.at("n2").state, NodeState::Alive);
  coordinator.on_closed(4);
  coordinator.on_state(state);
  EXPECT_FALSE(step().has_value());
}

TEST_F(CoordinatorTest, AFailureAndItsReplacementAreOneBatch) {
  with_web();
  see("n3");
  connect(4, "n3");
  settle();
  see("n2", MemberState::Failed);
  const auto batch = step();
  ASSERT_TRUE(batch);
  EXPECT_EQ(within<NodeFailed>(*batch).size(), 1U);
  ASSERT_EQ(within<PlaceInstance>(*batch).size(), 1U);
  EXPECT_EQ(within<PlaceInstance>(*batch)[0].node, "n3");
}

TEST_F(CoordinatorTest, ANodeThatLeavesIsNoFailure) {
  with_web();
  see("n2", MemberState::Left);
  const auto batch = step();
  ASSERT_TRUE(batch);
  EXPECT_EQ(within<NodeLeft>(*batch).size(), 1U);
  EXPECT_TRUE(within<NodeFailed>(*batch).empty());
}

TEST_F(CoordinatorTest, ASuspicionKeepsItsEvidenceWhenItIsRefutedBeforeItIsProposed) {
  with_web();
  coordinator.on_sighting("n2", {MemberState::Suspect, "no ack"});
  coordinator.on_sighting("n2", {MemberState::Alive, ""});
  const auto batch = step();
  ASSERT_TRUE(batch);
  EXPECT_EQ(within<NodeSuspected>(*batch)[0].evidence, "no ack");
}

TEST_F(CoordinatorTest, ANodeOnRecordThatNobodySeesHasFailedAfterTenSeconds) {
  with_web();
  Coordinator successor(options, "n1");
  successor.begin(2, "", now);
  std::vector<Command> proposed;
  const auto run_to = [&](Instant when) {
    now = when;
    successor.step(state, WallTime{}, now);
    for (const CoordinatorEffect& effect : successor.take_effects()) {
      const auto* batch = std::get_if<ProposeBatch>(&effect);
      if (batch == nullptr) continue;
      for (const Command& command : batch->commands) {
        proposed.push_back(command);
        EXPECT_TRUE(failover::apply(state, ++index, command));
      }
      successor.on_batch_done(batch->batch);
    }
  };
  const Instant began = now;
  run_to(began);
  run_to(began + 9999ms);
  EXPECT_EQ(state.nodes.at("n2").state, NodeState::Alive);
  EXPECT_LE(successor.deadline(), began + 10s);
  run_to(began + 10s);
  EXPECT_EQ(state.nodes.at("n2").state, NodeState::Failed);
}

TEST_F(CoordinatorTest, TheCoordinatorNeverFailsItself) {
  begin();
  connect(2, "n1");
  settle();
  see("n1", MemberState::Failed);
  now += 20s;
  coordinator.on_heartbeat(2, {1, 1}, now);
  settle();
  EXPECT_EQ(state.nodes.at("n1").state, NodeState::Alive);
}

}  // namespace
}  // namespace muster::agent
