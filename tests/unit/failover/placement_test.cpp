#include "failover/placement.h"

#include <algorithm>
#include <limits>

#include "state_fixture.h"

namespace muster::failover {
namespace {

using PlacementTest = StateTest;

// --- one copy, one node ---

TEST_F(PlacementTest, EveryRejectionSaysItsReason) {
  node("n1", "a", {1000, std::uint64_t{512} << 20}, {{"disk", "ssd"}});
  WorkloadSpec web = spec("web", 1);
  web.port = 8080;
  EXPECT_EQ(why_not("n1", web), "");

  web.constraints = {{"disk", true, "hdd"}};
  EXPECT_EQ(why_not("n1", web), "constraint disk == hdd is not met: it is \"ssd\"");
  web.constraints = {{"disk", false, "ssd"}};
  EXPECT_EQ(why_not("n1", web), "constraint disk != ssd is not met: it is \"ssd\"");
  web.constraints = {{"rack", true, "7"}};
  EXPECT_EQ(why_not("n1", web), "constraint rack == 7 is not met: it is \"\"");
  web.constraints = {{"zone", true, "a"}, {"node", true, "n1"}, {"rack", false, "7"}};
  EXPECT_EQ(why_not("n1", web), "");

  web.resources = {1001, 0};
  EXPECT_EQ(why_not("n1", web), "cpu: 1001m wanted, 0m of 1000m are reserved");
  web.resources = {1000, std::uint64_t{513} << 20};
  EXPECT_EQ(why_not("n1", web), "memory: 513 MiB wanted, 0 of 512 MiB are reserved");
  web.resources = {1000, std::uint64_t{512} << 20};
  EXPECT_EQ(why_not("n1", web), "");

  ASSERT_TRUE(put(PutWorkload{web}));
  step();
  EXPECT_EQ(why_not("n1", web), "port 8080 is taken by instance 1 of web");

  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  EXPECT_EQ(why_not("n1", web), "it is failed");
  ASSERT_TRUE(put(NodeLeft{"n1"}));
  EXPECT_EQ(why_not("n1", web), "it is left");
}

TEST_F(PlacementTest, ANodeThatTakesNoWorkloadsGetsNone) {
  node("n1");
  NodeInfo info = state.nodes.at("n1").info;
  info.takes_workloads = false;
  ASSERT_TRUE(put(NodeUp{info}));
  EXPECT_EQ(why_not("n1", spec("web", 1)), "it takes no workloads");
}

TEST_F(PlacementTest, HugeNumbersDoNotWrapAround) {
  const auto cpu_max = std::numeric_limits<std::uint32_t>::max();
  const auto memory_max = std::numeric_limits<std::uint64_t>::max();
  node("n1", "a", {cpu_max, memory_max});
  WorkloadSpec big = spec("big", 1);
  big.resources = {cpu_max - 10, 0};
  ASSERT_TRUE(put(PutWorkload{big}));
  step();
  ASSERT_EQ(copies("big").size(), 1U);
  EXPECT_NE(why_not("n1", spec("web", 1)), "");
  WorkloadSpec memory = spec("memory", 2);
  memory.resources = {0, memory_max - 10};
  ASSERT_TRUE(put(PutWorkload{memory}));
  step();
  EXPECT_EQ(copies("memory").size(), 1U);
}

TEST_F(PlacementTest, WhatIsLostOrDoneHoldsNothing) {
  node("n1", "a", {100, 100});
  WorkloadSpec job = spec("job", 1);
  job.port = 8080;
  ASSERT_TRUE(put(PutWorkload{job}));
  step();
  WorkloadSpec web = spec("web", 1);
  web.port = 8080;
  EXPECT_NE(why_not("n1", web), "");
  report(1, Phase::Stopping);
  EXPECT_NE(why_not("n1", web), "");
  report(1, Phase::Done);
  EXPECT_EQ(why_not("n1", web), "");
}

TEST_F(PlacementTest, CopiesSpreadOverZonesThenNodesThenLoadThenNames) {
  node("n1", "a");
  node("n2", "a");
  node("n3", "b");
  node("n4", "b", {1000, 4096});
  ASSERT_TRUE(put(PutWorkload{spec("web", 5)}));
  step();
  // Zone a by name; zone b; the other of each zone; then the least reserved in a zone of two.
  std::vector<NodeName> nodes;
  for (const InstanceId id : copies("web")) nodes.push_back(node_of(id));
  EXPECT_EQ(nodes, (std::vector<NodeName>{"n1", "n3", "n2", "n4", "n1"}));
}

TEST_F(PlacementTest, TheLessReservedNodeIsPreferred) {
  node("n1");
  node("n2");
  WorkloadSpec heavy = spec("heavy", 1);
  heavy.resources = {100, 2048};
  ASSERT_TRUE(put(PutWorkload{heavy}));
  step();
  ASSERT_EQ(node_of(1), "n1");
  EXPECT_EQ(choose_node(state, spec("web", 1)).node, "n2");
}

TEST_F(PlacementTest, SpreadComesBeforeLoad) {
  node("n1");
  node("n2");
  WorkloadSpec heavy = spec("heavy", 1);
  heavy.resources = {100, 2048};
  heavy.constraints = {{"node", true, "n2"}};
  ASSERT_TRUE(put(PutWorkload{heavy}));
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  step();
  EXPECT_EQ(node_of(2), "n1");
  EXPECT_EQ(node_of(3), "n2");
}

TEST_F(PlacementTest, EveryNodeThatIsNotTakenHasAReason) {
  node("n1");
  node("n2", "b", {0, 0});
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  const Choice choice = choose_node(state, spec("web", 1));
  EXPECT_EQ(choice.node, "");
  ASSERT_EQ(choice.rejected.size(), 2U);
  EXPECT_EQ(choice.rejected[0], (Rejection{"n1", "it is failed"}));
  EXPECT_EQ(choice.rejected[1], (Rejection{"n2", "cpu: 100m wanted, 0m of 0m are reserved"}));
}

// --- plans ---

TEST_F(PlacementTest, TheSameStateGivesTheSamePlan) {
  for (const char* name : {"n3", "n1", "n2"}) node(name, name);
  ASSERT_TRUE(put(PutWorkload{spec("web", 4)}));
  ASSERT_TRUE(put(PutWorkload{spec("db", 2)}));
  EXPECT_EQ(plan(state, wall), plan(state, wall));
  EXPECT_EQ(plan(state, wall).size(), 6U);
}

TEST_F(PlacementTest, NothingIsDecidedWhenAllIsAsItShallBe) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 3)}));
  settle();
  EXPECT_EQ(ready("web"), 3U);
  EXPECT_TRUE(plan(state, wall).empty());
}

TEST_F(PlacementTest, LostCopiesAreReplacedAtOnceAndOnce) {
  node("n1", "a");
  node("n2", "b");
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  settle();
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  const auto placed = only<PlaceInstance>(step());
  ASSERT_EQ(placed.size(), 1U);
  EXPECT_EQ(placed[0].node, "n2");
  EXPECT_EQ(placed[0].replaces, 1U);
  EXPECT_TRUE(step().empty());
}

TEST_F(PlacementTest, EachReplacementStandsInForAnotherLostCopy) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  settle();
  node("n2");
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  const auto placed = only<PlaceInstance>(step());
  ASSERT_EQ(placed.size(), 2U);
  EXPECT_EQ(placed[0].replaces, 1U);
  EXPECT_EQ(placed[1].replaces, 2U);
}

TEST_F(PlacementTest, ScalingDownStopsTheYoungest) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 3)}));
  settle();
  WorkloadSpec fewer = spec("web", 1);
  ASSERT_TRUE(put(PutWorkload{fewer}));
  roll_out("web", 1);
  EXPECT_EQ(copies("web"), std::vector<InstanceId>{1});
  EXPECT_EQ(state.placements.size(), 1U) << "what has stopped is forgotten";
}

TEST_F(PlacementTest, NothingIsStoppedBeforeTheWantedNumberIsReadyAfterANodeIsBack) {
  node("n1", "a");
  node("n2", "b");
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  settle();
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  step();  // copy 3 on n2, not ready yet
  node("n1");
  ASSERT_TRUE(put(KeepInstance{1}));
  report(1, Phase::Running);  // ... nor is the kept one
  report(3, Phase::Starting);
  EXPECT_TRUE(step().empty()) << "three copies, one ready: nobody can be spared";
  report(1, Phase::Ready);
  const auto stopped = only<StopInstance>(step());
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(stopped[0].instance, 3U);
  EXPECT_EQ(ready("web"), 2U);
}

TEST_F(PlacementTest, ASurplusCopyThatCannotRunIsGivenUpFirst) {
  node("n1");
  node("n2");
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  settle();
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  step();
  agents_obey();
  node("n1");
  ASSERT_TRUE(put(KeepInstance{1}));
  report(1, Phase::Backoff);
  const auto stopped = only<StopInstance>(step());
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(stopped[0].instance, 1U);
}

TEST_F(PlacementTest, ACopyOnANodeThatLeftIsForgottenAndPlacedElsewhere) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  settle();
  node("n2");
  ASSERT_TRUE(put(NodeLeft{"n1"}));
  settle();
  EXPECT_FALSE(state.placements.contains(1));
  EXPECT_EQ(node_of(2), "n2");
}

TEST_F(PlacementTest, AStoppedWorkloadLeavesNothingBehind) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  settle();
  report(2, Phase::Done);
  ASSERT_TRUE(put(StopWorkload{"web"}));
  settle();
  EXPECT_TRUE(state.placements.empty());
}

// --- jobs ---

TEST_F(PlacementTest, ADoneJobIsNotDoneAgainWhateverBecomesOfItsNode) {
  for (const bool left : {false, true}) {
    state = {};
    node("n1");
    ASSERT_TRUE(put(PutWorkload{spec("job", 1)}));
    step();
    report(1, Phase::Done);
    node("n2");
    EXPECT_TRUE(step().empty());
    ASSERT_TRUE(left ? put(NodeLeft{"n1"}) : put(NodeFailed{"n1", ""}));
    EXPECT_TRUE(step().empty());
    node("n1");
    EXPECT_TRUE(step().empty());
  }
}

TEST_F(PlacementTest, AnUnfinishedJobIsDoneElsewhere) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("job", 1)}));
  settle();
  node("n2");
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  EXPECT_EQ(only<PlaceInstance>(step()).size(), 1U);
}

TEST_F(PlacementTest, AChangedJobIsDoneAgainInAllItsCopies) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("job", 2)}));
  step();
  report(1, Phase::Done);
  report(2, Phase::Done);
  WorkloadSpec changed = spec("job", 2);
  changed.command = {"/bin/other"};
  ASSERT_TRUE(put(PutWorkload{changed}));
  for (int round = 0; round < 10; ++round) {
    step();
    for (const InstanceId id : copies("job")) report(id, Phase::Done);
  }
  EXPECT_EQ(state.placements.size(), 2U);
  EXPECT_TRUE(all_current("job"));
  EXPECT_TRUE(plan(state, wall).empty());
}

// --- roll-outs ---

TEST_F(PlacementTest, ARollOutNeverGoesBelowTheWantedReadyCopies) {
  node("n1");
  node("n2");
  ASSERT_TRUE(put(PutWorkload{spec("web", 3)}));
  settle();
  WorkloadSpec changed = spec("web", 3);
  changed.env = {{"V", "2"}};
  ASSERT_TRUE(put(PutWorkload{changed}));
  roll_out("web", 3);
  EXPECT_TRUE(all_current("web"));
  EXPECT_EQ(copies("web").size(), 3U);
  const auto all = kinds();
  EXPECT_EQ(std::count(all.begin(), all.end(), "unplaceable"), 0);
}

TEST_F(PlacementTest, ARollOutStopsAtANewCopyThatDoesNotBecomeReady) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 3)}));
  settle();
  WorkloadSpec broken = spec("web", 3);
  broken.command = {"/bin/false"};
  ASSERT_TRUE(put(PutWorkload{broken}));
  for (int round = 0; round < 5; ++round) {
    step();
    report(4, Phase::Backoff);
  }
  EXPECT_EQ(copies("web").size(), 4U);
  EXPECT_EQ(ready("web"), 3U);
  ASSERT_TRUE(put(PutWorkload{spec("web", 3)}));  // mended
  roll_out("web", 3);
  EXPECT_TRUE(all_current("web"));
  EXPECT_EQ(copies("web").size(), 3U);
}

TEST_F(PlacementTest, APortInTheWayMakesOneOldCopyEndAtATime) {
  for (const char* name : {"n1", "n2", "n3"}) node(name);
  WorkloadSpec web = spec("web", 3);
  web.port = 8080;
  ASSERT_TRUE(put(PutWorkload{web}));
  settle();
  web.env = {{"V", "2"}};
  ASSERT_TRUE(put(PutWorkload{web}));
  roll_out("web", 2);
  EXPECT_TRUE(all_current("web"));
  EXPECT_EQ(ready("web"), 3U);
  const auto all = kinds();
  EXPECT_EQ(std::count(all.begin(), all.end(), "unplaceable"), 0) << "it had room all the time";
}

TEST_F(PlacementTest, TheOnlyCopyMakesRoomForItsSuccessor) {
  node("n1", "a", {100, 100});
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  settle();
  WorkloadSpec changed = spec("web", 1);
  changed.env = {{"V", "2"}};
  ASSERT_TRUE(put(PutWorkload{changed}));
  const auto stopped = only<StopInstance>(step());
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_TRUE(step().empty()) << "it has not ended yet";
  EXPECT_TRUE(state.unplaceable.empty());
  agents_obey();
  settle();
  EXPECT_TRUE(all_current("web"));
}

TEST_F(PlacementTest, NoRoomIsMadeWhenItWouldNotHelp) {
  node("n1", "a", {100, 100});
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  settle();
  WorkloadSpec bigger = spec("web", 1);
  bigger.resources.cpu_millis = 101;
  ASSERT_TRUE(put(PutWorkload{bigger}));
  EXPECT_TRUE(only<StopInstance>(step()).empty());
  EXPECT_EQ(ready("web"), 1U);
  EXPECT_TRUE(state.unplaceable.contains("web"));
}

// --- unplaceable ---

TEST_F(PlacementTest, WhatNoNodeCanTakeIsMarkedOnceAndUnmarkedWhenOneCan) {
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  step();
  EXPECT_EQ(state.unplaceable.at("web"), std::vector<std::string>{"no node is registered"});
  EXPECT_TRUE(step().empty());
  node("n1", "a", {0, 0});
  step();
  EXPECT_EQ(state.unplaceable.at("web"),
            std::vector<std::string>{"n1: cpu: 100m wanted, 0m of 0m are reserved"});
  EXPECT_TRUE(step().empty());
  node("n1");
  step();
  EXPECT_TRUE(state.unplaceable.empty());
  EXPECT_EQ(copies("web").size(), 1U);
}

TEST_F(PlacementTest, OneWorkloadThatHasNoRoomDoesNotStopTheOthers) {
  node("n1", "a", {100, 100});
  WorkloadSpec big = spec("a-big", 1);
  big.resources.cpu_millis = 101;
  ASSERT_TRUE(put(PutWorkload{big}));
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  step();
  EXPECT_EQ(copies("web").size(), 1U);
  EXPECT_TRUE(state.unplaceable.contains("a-big"));
}

}  // namespace
}  // namespace muster::failover
