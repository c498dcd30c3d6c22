#include "alerting/rules.h"

#include <gtest/gtest.h>

namespace muster::alerting {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'700'000'000)};

struct RulesTest : testing::Test {
  std::vector<Alert> at(WallTime now) { return evaluate(state, now, options); }
  std::vector<Alert> now() { return at(kNow); }

  Placement& place(InstanceId id, const std::string& workload, Phase phase, WallTime since) {
    Placement& placement = state.placements[id];
    placement.instance = id;
    placement.workload = workload;
    placement.node = "n" + std::to_string(id);
    placement.placed_at = kNow - hours(1);
    placement.status.instance = id;
    placement.status.phase = phase;
    placement.status.at = since;
    return placement;
  }
  void elected(const std::string& node, const std::string& text, WallTime when) {
    state.events.push_back({state.next_event++, when, "coordinator-elected", "node/" + node, text});
  }

  ClusterState state;
  RuleOptions options{.cluster = "lab"};
};

TEST_F(RulesTest, ACalmClusterHasNoAlerts) {
  state.nodes["n1"].info.name = "n1";
  place(1, "web", Phase::Ready, kNow - hours(1));
  EXPECT_TRUE(now().empty());
}

TEST_F(RulesTest, AFailedNodeIsCriticalSinceItFailed) {
  NodeRecord& node = state.nodes["n1"];
  node.state = NodeState::Failed;
  node.since = kNow - seconds(5);
  node.info.zone = "z1";
  place(1, "web", Phase::Ready, kNow - hours(1)).lost = true;
  state.nodes["n2"].state = NodeState::Left;
  const auto alerts = now();
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].labels, (Labels{{"alertname", "NodeFailed"},
                                      {"cluster", "lab"},
                                      {"node", "n1"},
                                      {"severity", "critical"},
                                      {"zone", "z1"}}));
  EXPECT_EQ(alerts[0].starts_at, kNow - seconds(5));
  EXPECT_FALSE(alerts[0].annotations.at("summary").empty());
  EXPECT_NE(alerts[0].annotations.at("description").find("web"), std::string::npos);
  state.nodes["n1"].info.zone.clear();
  EXPECT_FALSE(now()[0].labels.contains("zone"));
}

TEST_F(RulesTest, ACrashLoopIsOneAlertUntilItHasSettled) {
  Placement& placement = place(1, "web", Phase::Backoff, kNow);
  placement.status.restarts = 2;
  EXPECT_TRUE(now().empty());
  placement.status.restarts = 3;
  ASSERT_EQ(now().size(), 1U);
  EXPECT_EQ(now()[0].labels.at("alertname"), "WorkloadFailing");
  EXPECT_EQ(now()[0].labels.at("workload"), "web");
  EXPECT_EQ(now()[0].starts_at, kNow);
  placement.status.phase = Phase::Starting;
  EXPECT_EQ(now().size(), 1U);
  placement.status.phase = Phase::Ready;
  EXPECT_EQ(at(kNow + seconds(60) - milliseconds(1)).size(), 1U);
  EXPECT_TRUE(at(kNow + seconds(60)).empty());
}

TEST_F(RulesTest, AnAgentsClockFarAheadKeepsNoAlertForEver) {
  place(1, "web", Phase::Ready, kNow + hours(24)).status.restarts = 9;
  EXPECT_TRUE(now().empty());
}

TEST_F(RulesTest, ARefusedCopyIsFailingAtOnceWithItsReason) {
  place(1, "web", Phase::Refused, kNow).status.why = "no such user";
  ASSERT_EQ(now().size(), 1U);
  EXPECT_NE(now()[0].annotations.at("description").find("no such user"), std::string::npos);
}

TEST_F(RulesTest, ACopyThatDoesNotGetReadyIsFailingAfterAMinute) {
  place(1, "web", Phase::Running, kNow);
  EXPECT_TRUE(at(kNow + seconds(60) - milliseconds(1)).empty());
  const auto alerts = at(kNow + seconds(60));
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].starts_at, kNow + seconds(60));
}

TEST_F(RulesTest, CopiesThatAreLostOrBeingStoppedOrDoneAreNotFailing) {
  place(1, "web", Phase::Running, kNow - hours(1)).lost = true;
  place(2, "web", Phase::Running, kNow - hours(1)).wanted = Wanted::Stop;
  place(3, "web", Phase::Done, kNow - hours(1)).status.restarts = 5;
  EXPECT_TRUE(now().empty());
}

TEST_F(RulesTest, FailingCopiesOfOneWorkloadAreOneAlertSinceTheFirst) {
  for (InstanceId id = 1; id <= 30; ++id) {
    place(id, "web", Phase::Refused, kNow - seconds(static_cast<int>(id)));
  }
  const auto alerts = now();
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].starts_at, kNow - seconds(30));
  EXPECT_TRUE(alerts[0].annotations.at("description").ends_with("and 20 more"));
}

TEST_F(RulesTest, AnUnplaceableWorkloadListsItsReasonsSinceTheEvent) {
  state.workloads["web"].applied_at = kNow - hours(2);
  state.unplaceable["web"] = {"n1: not enough memory", "n2: failed"};
  EXPECT_EQ(now().at(0).starts_at, kNow - hours(2));
  state.events.push_back({1, kNow - hours(1), "unplaceable", "workload/web", "no node"});
  state.events.push_back({2, kNow, "unplaceable", "workload/other", "no node"});
  const auto alerts = now();
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].labels.at("alertname"), "WorkloadUnplaceable");
  EXPECT_EQ(alerts[0].starts_at, kNow - hours(1));
  EXPECT_EQ(alerts[0].annotations.at("description"), "n1: not enough memory; n2: failed");
}

TEST_F(RulesTest, AChangeOfCoordinatorFiresForAMinute) {
  elected("n2", "n2 is coordinator in term 7, after n1 (n1 lost its quorum, after a while)", kNow);
  const auto alerts = at(kNow + seconds(60) - milliseconds(1));
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].labels.at("alertname"), "CoordinatorChanged");
  EXPECT_EQ(alerts[0].labels.at("from"), "n1");
  EXPECT_EQ(alerts[0].labels.at("to"), "n2");
  EXPECT_EQ(alerts[0].starts_at, kNow);
  EXPECT_TRUE(at(kNow + seconds(60)).empty());
}

TEST_F(RulesTest, TheFirstElectionAndARepeatedOneAreNoChange) {
  elected("n1", "n1 is coordinator in term 1", kNow);
  elected("n1", "n1 is coordinator in term 2 (restarted, after an upgrade)", kNow);
  EXPECT_TRUE(now().empty());
}

TEST_F(RulesTest, TheSameChangeTwiceIsOneAlertSinceTheLast) {
  elected("n2", "n2 is coordinator in term 2, after n1", kNow - seconds(20));
  elected("n1", "n1 is coordinator in term 3, after n2", kNow - seconds(10));
  elected("n2", "n2 is coordinator in term 4, after n1", kNow);
  const auto alerts = now();
  ASSERT_EQ(alerts.size(), 2U);
  EXPECT_EQ(alerts[0].starts_at, kNow);
  EXPECT_EQ(alerts[1].starts_at, kNow - seconds(10));
}

// Each takes the time of its `for` and its begin from the replicated state alone: whoever evaluates
// it, and since whenever, says the same.
TEST_F(RulesTest, ANewCoordinatorGivesTheSameStartsAt) {
  state.nodes["n1"].state = NodeState::Failed;
  state.nodes["n1"].since = kNow - seconds(5);
  place(2, "slow", Phase::Starting, kNow - hours(1));
  place(3, "loops", Phase::Backoff, kNow - seconds(7)).status.restarts = 9;
  state.workloads["large"].applied_at = kNow - hours(2);
  state.unplaceable["large"] = {"n1: failed"};
  elected("n3", "n3 is coordinator in term 7, after n1", kNow - seconds(3));
  const auto before = now();
  ASSERT_EQ(before.size(), 5U);
  elected("n4", "n4 is coordinator in term 8, after n3", kNow + seconds(2));
  const ClusterState taken_over = state;  // as the new one has it out of its log
  std::map<Labels, WallTime> after;
  for (const Alert& alert : evaluate(taken_over, kNow + seconds(4), options)) {
    after[alert.labels] = alert.starts_at;
  }
  EXPECT_EQ(after.size(), 6U);
  for (const Alert& alert : before) EXPECT_EQ(after.at(alert.labels), alert.starts_at);
}

TEST_F(RulesTest, QuorumLostNamesTheMasterThatSaysSo) {
  const Alert alert = quorum_lost("lab", "n3", kNow);
  EXPECT_EQ(alert.labels.at("alertname"), "QuorumLost");
  EXPECT_EQ(alert.labels.at("node"), "n3");
  EXPECT_EQ(alert.labels.at("severity"), "critical");
  EXPECT_EQ(alert.starts_at, kNow);
  EXPECT_TRUE(alert.annotations.contains("summary") && alert.annotations.contains("description"));
}

}  // namespace
}  // namespace muster::alerting
