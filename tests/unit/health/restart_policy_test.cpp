#include "health/restart_policy.h"

#include <gtest/gtest.h>

namespace muster::health {
namespace {

using std::chrono::seconds;

RestartSpec spec(RestartWhen when = RestartWhen::Always) {
  return {.when = when, .initial = seconds(10), .cap = seconds(300)};
}

TEST(RestartPolicyTest, TheWaitDoublesUpToTheCap) {
  RestartPolicy policy(spec());
  for (const int wait : {10, 20, 40, 80, 160, 300, 300}) {
    EXPECT_EQ(policy.on_exit(true, seconds(1)), Duration(seconds(wait)));
  }
}

TEST(RestartPolicyTest, RunningForTwiceTheCapStartsOver) {
  RestartPolicy policy(spec());
  (void)policy.on_exit(true, seconds(1));
  EXPECT_EQ(policy.on_exit(true, seconds(599)), Duration(seconds(20)));
  EXPECT_EQ(policy.on_exit(true, seconds(600)), Duration(seconds(10)));
  EXPECT_EQ(policy.on_exit(true, seconds(1)), Duration(seconds(20)));
}

TEST(RestartPolicyTest, OnFailureLetsASuccessBeTheEnd) {
  RestartPolicy policy(spec(RestartWhen::OnFailure));
  EXPECT_EQ(policy.on_exit(true, seconds(1)), Duration(seconds(10)));
  EXPECT_EQ(policy.on_exit(false, seconds(1)), std::nullopt);
}

TEST(RestartPolicyTest, AlwaysRestartsAfterASuccessToo) {
  RestartPolicy policy(spec());
  EXPECT_EQ(policy.on_exit(false, seconds(1)), Duration(seconds(10)));
}

TEST(RestartPolicyTest, NeverMeansNever) {
  RestartPolicy policy(spec(RestartWhen::Never));
  EXPECT_EQ(policy.on_exit(true, seconds(1)), std::nullopt);
  EXPECT_EQ(policy.on_exit(false, seconds(1)), std::nullopt);
}

TEST(RestartPolicyTest, AManualRestartIsImmediateAndNotCounted) {
  RestartPolicy policy(spec());
  (void)policy.on_exit(true, seconds(1));
  policy.on_manual_restart();
  EXPECT_EQ(policy.on_exit(true, seconds(1)), Duration{0});
  EXPECT_EQ(policy.on_exit(true, seconds(1)), Duration(seconds(20)));
  RestartPolicy never(spec(RestartWhen::Never));
  never.on_manual_restart();
  EXPECT_EQ(never.on_exit(false, seconds(1)), Duration{0});
  EXPECT_EQ(never.on_exit(false, seconds(1)), std::nullopt);
}

}  // namespace
}  // namespace muster::health
