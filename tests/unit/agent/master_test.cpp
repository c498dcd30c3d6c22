#include "agent/master.h"

#include <limits>

#include <gtest/gtest.h>

#include "agent/history_families.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kWall{std::chrono::seconds(1'700'000'000)};

// One of three masters, whose others nobody hears of.
struct LonelyMaster : testing::Test {
  void start(std::optional<Leaderless> before) {
    MasterOptions options;
    options.masters = {{"n1", {"10.0.0.1", 1}}, {"n2", {"10.0.0.2", 1}}, {"n3", {"10.0.0.3", 1}}};
    options.rules.cluster = "lab";
    options.alerts.receivers = {{"hook", "http://receiver/", {}}};
    options.leaderless = before;
    NodeInfo self;
    self.name = "n3";
    self.rpc = options.masters.at("n3");
    self.master = true;
    wall = {now, kWall};
    master = std::make_unique<Master>(options, self, rpc::Hello{}, raft::Stored{}, Codec{}, wall,
                                      ids, 1, now);
    started = now;
    master->start(now);
  }
  // Until it tells a receiver; the time that it took.
  Duration told(Duration at_most) {
    while (now - started <= at_most) {
      for (const MasterEffect& effect : master->take_effects()) {
        const auto* other = std::get_if<Effect>(&effect);
        const auto* deliver = other == nullptr ? nullptr : std::get_if<alerting::Deliver>(other);
        if (deliver == nullptr) continue;
        alert = deliver->notification.alerts.at(0).alert;
        return now - started;
      }
      now = std::max(now + 1ms, std::min(master->deadline(), now + 100ms));
      master->tick(now);
    }
    return Duration::max();
  }

  Instant now{100s};
  Instant started{};
  WallAnchor wall;
  StreamIds ids;
  std::unique_ptr<Master> master;
  alerting::Alert alert;
};

TEST_F(LonelyMaster, SaysThatTheQuorumIsLostOnceItsPatienceIsOver) {
  start(std::nullopt);
  EXPECT_EQ(master->view().leaderless_since, kWall);
  EXPECT_FALSE(master->view().quorum_lost);
  const Duration took = told(10s);
  EXPECT_GE(took, 3s);
  EXPECT_LE(took, 4s);  // others of its group may come along
  EXPECT_EQ(alert.labels.at("alertname"), "QuorumLost");
  EXPECT_EQ(alert.starts_at, kWall);
  EXPECT_TRUE(master->view().quorum_lost);
}

TEST_F(LonelyMaster, GoesOnAfterARestartWithoutItsPatienceAnewAndSinceTheSameTime) {
  start(Leaderless{kWall - 600s, 590s});
  EXPECT_LE(told(10s), 600ms);
  EXPECT_EQ(alert.starts_at, kWall - 600s);
}

TEST_F(LonelyMaster, HasPatienceOnlyForWhatIsLeftOfIt) {
  start(Leaderless{kWall - 600s, 2s});  // it was away for nearly all of the ten minutes
  const Duration took = told(10s);
  EXPECT_GE(took, 1s);
  EXPECT_LE(took, 2s);
  EXPECT_EQ(alert.starts_at, kWall - 600s);
}

collector::HistoryPoint recorded(const Master& master, WallTime at) {
  View view;
  view.master = std::make_shared<const MasterView>(master.view());
  for (const Family& family : history_families(view, at)) {
    if (family.name != "muster_leaderless_seconds") continue;
    return {at, static_cast<float>(family.samples.at(0).value)};
  }
  ADD_FAILURE() << "there is no such family";
  return {};
}

TEST_F(LonelyMaster, IsGivenBackByTheHistoryWhatItLeftThereToTheSecond) {
  for (const Duration age : {Duration(4ms), Duration(3s), Duration(5h), Duration(30 * 24h + 7ms)}) {
    start(std::nullopt);
    const WallTime then = kWall + std::chrono::duration_cast<std::chrono::milliseconds>(age);
    const auto before = leaderless_before(recorded(*master, then), then + 1min);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->since, kWall) << age.count();
    EXPECT_NEAR(seconds(before->watched), seconds(age), 0.2);
  }
}

TEST(LeaderlessBefore, IsNothingWhereTheHistoryDoesNotSayThatThereWasNoLeader) {
  EXPECT_FALSE(leaderless_before(std::nullopt, kWall));
  EXPECT_TRUE(leaderless_before({{kWall - 1min, 5}}, kWall));
  EXPECT_FALSE(leaderless_before({{kWall - 1min, 0}}, kWall));   // there was one
  EXPECT_FALSE(leaderless_before({{kWall - 61min, 5}}, kWall));  // there may have been one since
  EXPECT_FALSE(leaderless_before({{kWall + 1s, 5}}, kWall));     // the clock was set back
  for (const float nonsense : {-5.0F, std::numeric_limits<float>::quiet_NaN(), 1e30F}) {
    EXPECT_FALSE(leaderless_before({{kWall - 1s, nonsense}}, kWall));
  }
}

TEST(HistoryFamilies, OnlyMastersHaveALeaderToMiss) {
  View view;
  EXPECT_EQ(history_families(view, kWall).size(), 3U);
  MasterView master;
  view.master = std::make_shared<const MasterView>(master);
  EXPECT_EQ(history_families(view, kWall).back().samples.at(0).value, 0);
}

}  // namespace
}  // namespace muster::agent
