#include "health/suspicion.h"

#include <gtest/gtest.h>

namespace muster::health {
namespace {

using namespace std::chrono_literals;

TEST(Suspicion, MinimumGrowsWithTheLogarithmOfTheMembers) {
  struct Row {
    int mult;
    std::size_t n;
    Duration interval, min;
  };
  for (const Row& row : {Row{3, 0, 200ms, 600ms}, Row{3, 1, 200ms, 600ms}, Row{3, 5, 200ms, 600ms},
                         Row{3, 10, 200ms, 600ms}, Row{3, 100, 200ms, 1200ms}, Row{4, 100, 1s, 8s},
                         Row{4, 1000, 1s, 12s}, Row{6, 10000, 5s, 120s}}) {
    EXPECT_EQ(suspicion_min(row.mult, row.n, row.interval), row.min) << row.mult << " " << row.n;
  }
  EXPECT_EQ(suspicion_max(600ms, 6), 3600ms);
}

TEST(Suspicion, NobodyIsAskedToConfirmWhereTooFewCould) {
  struct Row {
    int mult;
    std::size_t n;
    int wanted;
  };
  for (const Row& row : {Row{3, 1, 0}, Row{3, 2, 0}, Row{3, 3, 1}, Row{3, 100, 1}, Row{4, 3, 0},
                         Row{4, 4, 2}, Row{2, 100, 0}, Row{1, 100, 0}}) {
    EXPECT_EQ(confirmations_wanted(row.mult, row.n), row.wanted) << row.mult << " " << row.n;
  }
}

TEST(Suspicion, EveryConfirmationShortensTheWaitAndTheFirstMost) {
  // memberlist's own example: 3 confirmations wanted, from 30 s down to 2 s.
  const auto at = [](int confirmed) { return seconds(suspicion_timeout(confirmed, 3, 2s, 30s)); };
  EXPECT_EQ(at(0), 30.0);
  EXPECT_NEAR(at(1), 16.0, 0.001);
  EXPECT_NEAR(at(2), 7.810, 0.001);
  EXPECT_EQ(at(3), 2.0);
  EXPECT_EQ(at(9), 2.0);
  EXPECT_EQ(suspicion_timeout(0, 0, 2s, 30s), Duration(2s));
}

TEST(Suspicion, RetransmissionsAndPushPullFollowTheirFormulas) {
  struct Row {
    std::size_t n;
    int limit;
    Duration push_pull;
  };
  for (const Row& row :
       {Row{0, 0, 30s}, Row{1, 4, 30s}, Row{9, 4, 30s}, Row{10, 8, 30s}, Row{32, 8, 30s},
        Row{33, 8, 60s}, Row{64, 8, 60s}, Row{65, 8, 90s}, Row{99, 8, 90s}, Row{100, 12, 90s}}) {
    EXPECT_EQ(retransmit_limit(4, row.n), row.limit) << row.n;
    EXPECT_EQ(push_pull_scaled(30s, row.n), row.push_pull) << row.n;
  }
}

TEST(Suspicion, EachPeerCountsOnceAndTheAccuserNever) {
  const Instant now{};
  SuspicionTimer timer("a", 2, 1s, 6s, now);
  EXPECT_EQ(timer.deadline(), now + 6s);
  EXPECT_FALSE(timer.confirm("a"));
  EXPECT_TRUE(timer.confirm("b"));
  EXPECT_FALSE(timer.confirm("b"));
  EXPECT_LT(timer.deadline(), now + 6s);
  EXPECT_GT(timer.deadline(), now + 1s);
  EXPECT_TRUE(timer.confirm("c"));
  EXPECT_EQ(timer.deadline(), now + 1s);
  EXPECT_FALSE(timer.confirm("d"));
  EXPECT_EQ(timer.confirmers(), (std::vector<NodeName>{"b", "c"}));
}

TEST(Suspicion, AStallOfTheObserverIsNotHeldAgainstTheSuspect) {
  const Instant now{};
  SuspicionTimer timer("a", 0, 1s, 6s, now);
  timer.extend(5s);
  EXPECT_EQ(timer.deadline(), now + 6s);
  EXPECT_EQ(timer.since(), now);
}

}  // namespace
}  // namespace muster::health
