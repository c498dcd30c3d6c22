#include "failover/commands.h"

#include <algorithm>

#include "state_fixture.h"

namespace muster::failover {
namespace {

using CommandsTest = StateTest;

TEST_F(CommandsTest, ARequestThatIsRepeatedIsDoneOnce) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}, "r1"));
  ASSERT_TRUE(put(StopWorkload{"web"}, "r2"));
  ClusterState before = state;
  EXPECT_EQ(put(PutWorkload{spec("web", 1)}, "r1"), "workload web created, revision 1");
  EXPECT_EQ(put(StopWorkload{"web"}, "r2"), "workload web is being stopped");
  EXPECT_TRUE(put(StopWorkload{"web"}, "r2")->repeated);
  before.index = state.index;  // the log went on
  EXPECT_EQ(state, before);
}

TEST_F(CommandsTest, AnIdThatWasUsedForAnotherChangeOrBySomebodyElseIsAConflict) {
  const Actor ann{"ann", "operator", "10.0.0.1"};
  const Actor moved{"ann", "operator", "10.0.0.2"};
  const Actor bob{"bob", "operator", "10.0.0.1"};
  const auto ask = [this](const char* workload, const Actor& by, std::uint64_t asked,
                          const char* request = "r1") {
    return apply(state, ++index,
                 {.body = PutWorkload{spec(workload, 1)},
                  .at = wall,
                  .request = request,
                  .by = by,
                  .asked = asked});
  };
  const Result<Outcome> first = ask("web", ann, 7);
  ASSERT_TRUE(first);
  const auto repeats = [](const Result<Outcome>& outcome) { return outcome && outcome->repeated; };
  EXPECT_TRUE(repeats(ask("web", moved, 7)));  // by way of another machine
  const std::vector<std::pair<Actor, std::uint64_t>> others = {{ann, 8}, {bob, 7}, {Actor{}, 7}};
  for (const auto& [who, asked] : others) {
    const ClusterState before = state;
    const Result<Outcome> other = ask("db", who, asked);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Code::InvalidArgument);
    EXPECT_NE(other.error().text.find("was used for another change"), std::string::npos);
    EXPECT_EQ(state.workloads, before.workloads);
    EXPECT_EQ(state.requests, before.requests);
  }
  EXPECT_EQ(ask("web", ann, 7), std::string_view(first->text));
  // A muster that does not tell is believed, before and after.
  EXPECT_TRUE(repeats(ask("web", bob, 0)));
  ASSERT_TRUE(ask("db", ann, 0, "r2"));
  EXPECT_TRUE(repeats(ask("db", ann, 7, "r2")));
}

// The first answer may be on its way still: a second one must not say otherwise.
TEST_F(CommandsTest, ARequestThatFailedHasFailedWhateverHappenedSince) {
  const Result<Outcome> first = put(StopWorkload{"web"}, "r1");
  EXPECT_EQ(first.error().code, Code::NotFound);
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  EXPECT_EQ(put(StopWorkload{"web"}, "r1"), first);
  EXPECT_TRUE(state.workloads.contains("web"));
}

TEST_F(CommandsTest, RememberedRequestsAreBoundedAndTheOldestGoesFirst) {
  for (std::size_t i = 0; i <= kRequestsMax; ++i) {
    ASSERT_TRUE(put(AlertResolved{"x"}, "r" + std::to_string(i)));
  }
  EXPECT_EQ(state.requests.size(), kRequestsMax);
  EXPECT_EQ(state.requests.begin()->id, "r1");
  EXPECT_FALSE(state.requests.contains("r0"));
  EXPECT_TRUE(state.requests.contains("r1"));
}

TEST_F(CommandsTest, EventsAreBoundedAndTheirNumbersGoOn) {
  node("n1");
  for (std::size_t i = 0; i < kEventsMax + 10; ++i) ASSERT_TRUE(put(NodeSuspected{"n1", "silent"}));
  EXPECT_EQ(state.events.size(), kEventsMax);
  EXPECT_EQ(state.events.back().sequence, kEventsMax + 11);
  EXPECT_EQ(state.events.front().sequence, 12U);
}

TEST_F(CommandsTest, EventsOfReportsAreBoundedToo) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  step();
  for (std::size_t i = 0; i < kEventsMax; ++i) {
    report(1, i % 2 == 0 ? Phase::Running : Phase::Ready);
  }
  EXPECT_EQ(state.events.size(), kEventsMax);
}

TEST_F(CommandsTest, TheIndexOnlyGrows) {
  ASSERT_TRUE(apply(state, 7, Command{AlertResolved{"x"}, wall, {}}));
  ASSERT_TRUE(apply(state, 5, Command{AlertResolved{"x"}, wall, {}}));
  EXPECT_EQ(state.index, 7U);
}

TEST_F(CommandsTest, APlacementOfAChangedOrStoppedWorkloadIsStale) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  const std::uint64_t revision = state.workloads.at("web").revision;
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  const Result<Outcome> stale = put(PlaceInstance{"web", revision, "n1", 0, ""});
  ASSERT_FALSE(stale.has_value());
  EXPECT_EQ(stale.error().code, Code::Conflict);
  EXPECT_FALSE(put(PlaceInstance{"none", 1, "n1", 0, ""}));
  EXPECT_TRUE(state.placements.empty());
}

TEST_F(CommandsTest, NothingIsPlacedOnANodeThatIsNotAlive) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  const std::uint64_t revision = state.workloads.at("web").revision;
  EXPECT_FALSE(put(PlaceInstance{"web", revision, "n9", 0, ""}));
  ASSERT_TRUE(put(NodeFailed{"n1", "silent"}));
  EXPECT_FALSE(put(PlaceInstance{"web", revision, "n1", 0, ""}));
  ASSERT_TRUE(put(NodeLeft{"n1"}));
  EXPECT_FALSE(put(PlaceInstance{"web", revision, "n1", 0, ""}));
}

TEST_F(CommandsTest, AWorkloadStoppedAndAppliedAgainDoesNotTakeItsOldCopiesBack) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  settle();
  ASSERT_TRUE(put(StopWorkload{"web"}));
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  EXPECT_EQ(placement(1).wanted, Wanted::Stop);
  EXPECT_EQ(only<PlaceInstance>(step()).size(), 1U);
  agents_obey();
  settle();
  EXPECT_EQ(copies("web"), std::vector<InstanceId>{2});
  EXPECT_EQ(state.placements.size(), 1U);
}

TEST_F(CommandsTest, AChangedSpecIsAHigherRevision) {
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  EXPECT_EQ(state.workloads.at("web").revision, 2U);
}

TEST_F(CommandsTest, TheSameSpecAgainChangesNothing) {
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  const auto before = state.workloads;
  EXPECT_EQ(put(PutWorkload{spec("web", 1)}), "workload web is unchanged");
  EXPECT_EQ(state.workloads, before);
}

TEST_F(CommandsTest, InstancesAndTokensAreNeverUsedAgain) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  step();
  const Placement first = placement(1);
  ASSERT_TRUE(put(ForgetInstance{1, "ended"}));
  step();
  EXPECT_EQ(copies("web"), std::vector<InstanceId>{2});
  EXPECT_GT(placement(2).token, first.token);
}

TEST_F(CommandsTest, APlacementHoldsThePortAndResourcesOfItsRevision) {
  node("n1");
  WorkloadSpec web = spec("web", 1);
  web.port = 8080;
  ASSERT_TRUE(put(PutWorkload{web}));
  step();
  web.port = 9090;
  web.resources.cpu_millis = 900;
  ASSERT_TRUE(put(PutWorkload{web}));
  EXPECT_EQ(placement(1).port, 8080);
  EXPECT_EQ(placement(1).resources.cpu_millis, 100U);
}

TEST_F(CommandsTest, ACopyOfADownNodeIsLostUntilItIsKept) {
  for (const bool left : {false, true}) {
    state = {};
    node("n1");
    ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
    step();
    ASSERT_TRUE(left ? put(NodeLeft{"n1"}) : put(NodeFailed{"n1", "silent"}));
    EXPECT_TRUE(placement(1).lost);
    EXPECT_EQ(live_copies(state, "web"), 0U);
    node("n1");
    EXPECT_TRUE(placement(1).lost) << "that its node is up says nothing about the copy";
    ASSERT_TRUE(put(KeepInstance{1}));
    EXPECT_FALSE(placement(1).lost);
    EXPECT_EQ(live_copies(state, "web"), 1U);
  }
}

TEST_F(CommandsTest, AFailureSaidTwiceIsOneEvent) {
  node("n1");
  ASSERT_TRUE(put(NodeFailed{"n1", "silent"}));
  const WallTime since = state.nodes.at("n1").since;
  ASSERT_TRUE(put(NodeFailed{"n1", "silent"}));
  EXPECT_EQ(state.nodes.at("n1").since, since);
  EXPECT_EQ(kinds(), (std::vector<std::string>{"node-up", "node-failed"}));
  EXPECT_FALSE(put(NodeFailed{"n9", "silent"}));
  EXPECT_FALSE(put(NodeLeft{"n9"}));
}

TEST_F(CommandsTest, ARegistrationOfAnAliveNodeIsNoEvent) {
  node("n1");
  const WallTime since = state.nodes.at("n1").since;
  node("n1", "b");
  EXPECT_EQ(state.nodes.at("n1").info.zone, "b");
  EXPECT_EQ(state.nodes.at("n1").since, since);
  EXPECT_EQ(kinds(), std::vector<std::string>{"node-up"});
}

TEST_F(CommandsTest, StoppingAWorkloadStopsItsCopiesAndTakesItsMarkAway) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
  ASSERT_TRUE(put(PutWorkload{spec("db", 1)}));
  step();
  ASSERT_TRUE(put(MarkUnplaceable{"web", {"n1: full"}}));
  ASSERT_TRUE(put(StopWorkload{"web"}));
  EXPECT_TRUE(state.unplaceable.empty());
  EXPECT_EQ(copies("web", Wanted::Stop).size(), 2U);
  EXPECT_EQ(copies("db").size(), 1U);
  EXPECT_EQ(put(StopWorkload{"web"}).error().code, Code::NotFound);
}

// A plan and an operator's stop may pass each other in the log.
TEST_F(CommandsTest, AWorkloadThatIsGoneIsNotMarked) {
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  ASSERT_TRUE(put(StopWorkload{"web"}));
  EXPECT_FALSE(put(MarkUnplaceable{"web", {"n1: full"}}));
  EXPECT_TRUE(state.unplaceable.empty());
}

TEST_F(CommandsTest, AMarkIsOneEventUntilItIsTakenAway) {
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  ASSERT_TRUE(put(MarkUnplaceable{"web", {"n1: full"}}));
  ASSERT_TRUE(put(MarkUnplaceable{"web", {"n1: fuller"}}));
  EXPECT_EQ(state.unplaceable.at("web"), std::vector<std::string>{"n1: fuller"});
  ASSERT_TRUE(put(MarkUnplaceable{"web", {}}));
  ASSERT_TRUE(put(MarkUnplaceable{"web", {}}));
  EXPECT_EQ(kinds(), (std::vector<std::string>{"workload-applied", "unplaceable", "placeable"}));
}

TEST_F(CommandsTest, WhatIsNotOnRecordIsSaidAndChangesNothing) {
  for (const CommandBody& body :
       {CommandBody(StopInstance{9, ""}), CommandBody(ForgetInstance{9, ""}),
        CommandBody(KeepInstance{9})}) {
    EXPECT_EQ(put(body).error().code, Code::NotFound);
  }
  report(9, Phase::Ready);
  EXPECT_TRUE(state.placements.empty());
  EXPECT_TRUE(state.events.empty());
}

TEST_F(CommandsTest, AReportIsAnEventOnlyWhenThePhaseChanges) {
  node("n1");
  ASSERT_TRUE(put(PutWorkload{spec("web", 1)}));
  step();
  report(1, Phase::Ready);
  report(1, Phase::Ready);
  const auto all = kinds();
  EXPECT_EQ(std::count(all.begin(), all.end(), "instance-ready"), 1);
}

TEST_F(CommandsTest, AnElectionNamesWhoWasBefore) {
  ASSERT_TRUE(put(CoordinatorElected{"n1", 3, ""}));
  EXPECT_EQ(put(CoordinatorElected{"n2", 4, "n1 is silent"}),
            "n2 is coordinator in term 4, after n1 (n1 is silent)");
  EXPECT_EQ(state.coordinator, "n2");
  EXPECT_EQ(state.term, 4U);
}

TEST_F(CommandsTest, AnAlertIsKeptUntilItIsResolved) {
  AlertRecord alert;
  alert.labels = {{"alertname", "NodeFailed"}};
  ASSERT_TRUE(put(AlertFiring{"f", alert}));
  EXPECT_EQ(state.alerts.at("f"), alert);
  ASSERT_TRUE(put(AlertResolved{"f"}));
  EXPECT_TRUE(state.alerts.empty());
}

}  // namespace
}  // namespace muster::failover
