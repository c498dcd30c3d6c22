#include "health/awareness.h"

#include <gtest/gtest.h>

namespace muster::health {
namespace {

using namespace std::chrono_literals;

TEST(Awareness, ScoreStaysBetweenZeroAndSeven) {
  Awareness awareness;
  awareness.apply(-3);
  EXPECT_EQ(awareness.score(), 0);
  awareness.apply(100);
  EXPECT_EQ(awareness.score(), kHealthScoreMax);
  awareness.apply(-1);
  EXPECT_EQ(awareness.score(), 6);
}

TEST(Awareness, ProbesStretchByTheScorePlusOne) {
  Awareness awareness;
  EXPECT_EQ(awareness.scale(200ms), Duration(200ms));
  awareness.apply(2);
  EXPECT_EQ(awareness.scale(200ms), Duration(600ms));
}

TEST(Awareness, OnlyMissingNacksSpeakAgainstUsWhereRelaysWereAsked) {
  EXPECT_EQ(awareness_delta_of_failure(0, 0), 1);
  EXPECT_EQ(awareness_delta_of_failure(3, 3), 0);
  EXPECT_EQ(awareness_delta_of_failure(3, 1), 2);
  EXPECT_EQ(awareness_delta_of_failure(1, 2), 0);
}

TEST(Awareness, TheFloorHoldsUntilItIsLowered) {
  Awareness awareness;
  awareness.set_floor(2);
  EXPECT_EQ(awareness.score(), 2);
  awareness.apply(-1);
  EXPECT_EQ(awareness.score(), 2);
  awareness.set_floor(0);
  awareness.apply(-1);
  EXPECT_EQ(awareness.score(), 1);
}

TEST(Awareness, LagCountsFromHalfATimeoutAndPressureOnlyOnce) {
  EXPECT_EQ(strain_floor(49ms, 0.79, 100ms), 0);
  EXPECT_EQ(strain_floor(50ms, 0.0, 100ms), 1);
  EXPECT_EQ(strain_floor(100ms, 0.0, 100ms), 2);
  EXPECT_EQ(strain_floor(10s, 1.0, 100ms), 2);
  EXPECT_EQ(strain_floor(0ms, 0.8, 100ms), 1);
  EXPECT_EQ(strain_floor(50ms, 0.8, 100ms), 1);
}

}  // namespace
}  // namespace muster::health
