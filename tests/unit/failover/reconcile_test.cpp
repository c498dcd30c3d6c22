#include "failover/reconcile.h"

#include "state_fixture.h"

namespace muster::failover {
namespace {

struct ReconcileTest : StateTest {
  // n1 registers as it is on record, running `instances`.
  rpc::Register registration(std::vector<std::pair<InstanceId, Phase>> instances = {}) {
    rpc::Register made;
    made.info = state.nodes.at("n1").info;
    for (const auto& [id, phase] : instances) {
      InstanceStatus status;
      if (state.placements.contains(id)) status = placement(id).status;
      status.instance = id;
      status.phase = phase;
      made.instances.push_back(status);
    }
    return made;
  }
  void admit_all(const rpc::Register& registration) {
    for (const CommandBody& body : admit(state, registration)) ASSERT_TRUE(put(body));
  }
  void web_on_n1() {
    node("n1");
    ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
    step();
    agents_obey();
  }
};

TEST_F(ReconcileTest, ANodeIsToldAllThatItRunsOrStopsInOrder) {
  web_on_n1();
  ASSERT_TRUE(put(PutWorkload{spec("db", 1)}));
  step();
  ASSERT_TRUE(put(StopInstance{1, ""}));
  const auto items = assignments_for(state, "n1");
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].instance, 1U);
  EXPECT_EQ(items[0].wanted, Wanted::Stop);
  EXPECT_EQ(items[1].spec, spec("db", 1));
  EXPECT_EQ(items[1].token, placement(2).token);
  EXPECT_TRUE(assignments_for(state, "n2").empty());
}

TEST_F(ReconcileTest, OfAStoppedWorkloadOnlyTheStopIsTold) {
  web_on_n1();
  ASSERT_TRUE(put(StopWorkload{"web"}));
  const auto items = assignments_for(state, "n1");
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].wanted, Wanted::Stop);
  EXPECT_EQ(items[0].spec.name, "web");
}

TEST_F(ReconcileTest, LostAndDoneCopiesAreNotAssigned) {
  web_on_n1();
  report(1, Phase::Done);
  EXPECT_TRUE(assignments_for(state, "n1").empty());
  report(1, Phase::Ready);
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  EXPECT_TRUE(assignments_for(state, "n1").empty());
}

TEST_F(ReconcileTest, ARegistrationThatSaysNothingNewNeedsNoCommand) {
  web_on_n1();
  EXPECT_TRUE(admit(state, registration({{1, Phase::Ready}})).empty());
}

TEST_F(ReconcileTest, ANewProcessOfAnAgentIsARegistration) {
  web_on_n1();
  rpc::Register again = registration({{1, Phase::Ready}});
  again.info.boot = "other";
  EXPECT_EQ(admit(state, again), std::vector<CommandBody>{NodeUp{again.info}});
}

TEST_F(ReconcileTest, ALostCopyThatStillRunsIsKept) {
  web_on_n1();
  const rpc::Register again = registration({{1, Phase::Ready}});
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  EXPECT_EQ(admit(state, again), (std::vector<CommandBody>{NodeUp{again.info}, KeepInstance{1}}));
}

TEST_F(ReconcileTest, ALostCopyThatRunsNoMoreIsForgotten) {
  for (const bool says_stopped : {false, true}) {
    state = {};
    web_on_n1();
    ASSERT_TRUE(put(NodeFailed{"n1", ""}));
    admit_all(says_stopped ? registration({{1, Phase::Stopped}}) : registration());
    EXPECT_TRUE(state.placements.empty());
  }
}

TEST_F(ReconcileTest, ACopyThatIsToBeStoppedAndRunsNoMoreIsForgotten) {
  web_on_n1();
  ASSERT_TRUE(put(StopInstance{1, ""}));
  admit_all(registration());
  EXPECT_TRUE(state.placements.empty());
}

TEST_F(ReconcileTest, ALostCopyThatIsToBeStoppedIsStoppedWhenItIsBack) {
  web_on_n1();
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  ASSERT_TRUE(put(StopWorkload{"web"}));
  admit_all(registration({{1, Phase::Ready}}));
  const auto items = assignments_for(state, "n1");
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].wanted, Wanted::Stop);
}

TEST_F(ReconcileTest, AWantedCopyThatItsRestartedNodeDoesNotRunStaysPlacedThere) {
  web_on_n1();
  admit_all(registration());
  EXPECT_EQ(assignments_for(state, "n1").size(), 1U);
}

TEST_F(ReconcileTest, ADoneJobStaysDoneWhenItsNodeIsBack) {
  web_on_n1();
  report(1, Phase::Done);
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  EXPECT_TRUE(step().empty());
  admit_all(registration());
  ASSERT_TRUE(state.placements.contains(1));
  EXPECT_FALSE(placement(1).lost);
  EXPECT_TRUE(step().empty());
  EXPECT_TRUE(assignments_for(state, "n1").empty());
}

TEST_F(ReconcileTest, PhasesAreAsTheAgentSays) {
  web_on_n1();
  admit_all(registration({{1, Phase::Backoff}, {77, Phase::Ready}}));
  EXPECT_EQ(placement(1).status.phase, Phase::Backoff);
  EXPECT_FALSE(state.placements.contains(77));
}

TEST_F(ReconcileTest, ANodeSpeaksForItsOwnCopiesOnly) {
  web_on_n1();
  InstanceStatus lie = placement(1).status;
  lie.phase = Phase::Backoff;
  EXPECT_TRUE(news(state, "n2", {lie}).empty());
  EXPECT_EQ(news(state, "n1", {lie}).size(), 1U);
  node("n2");
  rpc::Register liar;
  liar.info = state.nodes.at("n2").info;
  liar.instances = {lie};
  EXPECT_TRUE(admit(state, liar).empty());
}

TEST_F(ReconcileTest, WhatIsKnownIsNoNews) {
  web_on_n1();
  EXPECT_TRUE(news(state, "n1", {placement(1).status}).empty());
}

}  // namespace
}  // namespace muster::failover
