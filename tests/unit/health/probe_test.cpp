#include "health/probe.h"

#include <gtest/gtest.h>

namespace muster::health {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

ProbeSpec spec() {
  ProbeSpec spec;
  spec.period = seconds(10);
  spec.timeout = seconds(1);
  spec.success_threshold = 1;
  spec.failure_threshold = 3;
  return spec;
}

// The test is the driver: time moves, and checks end, only when it says so.
struct ProbeTest : testing::Test {
  void make(ProbeRole role, const ProbeSpec& with = spec(), bool spread = false) {
    probe.emplace(with, role, now, rng, spread);
  }
  std::optional<StartCheck> tick_at(Instant at) {
    now = at;
    probe->tick(now);
    return drain();
  }
  std::optional<StartCheck> drain() {
    std::optional<StartCheck> started;
    for (const ProbeEffect& effect : probe->take_effects()) {
      if (const auto* check = std::get_if<StartCheck>(&effect)) started = *check;
      if (const auto* changed = std::get_if<VerdictChanged>(&effect)) {
        verdicts.push_back(changed->passing);
      }
    }
    return started;
  }
  std::optional<StartCheck> advance() { return tick_at(probe->deadline()); }
  void answer(std::initializer_list<bool> results) {
    for (const bool passed : results) {
      probe->on_result(advance().value().id, passed, now);
      drain();
    }
  }

  Rng rng{1};
  Instant now{seconds(1000)};
  std::optional<Probe> probe;
  std::vector<bool> verdicts;  // as published
};

TEST_F(ProbeTest, ReadinessIsFailureAndLivenessSuccessUntilAResultSaysOtherwise) {
  make(ProbeRole::Readiness);
  EXPECT_FALSE(probe->passing());
  make(ProbeRole::Liveness);
  EXPECT_TRUE(probe->passing());
}

TEST_F(ProbeTest, TheFirstCheckStartsAfterTheInitialDelayAndTheNextOnesEachPeriod) {
  ProbeSpec with = spec();
  with.initial_delay = seconds(5);
  const Instant begin = now;
  make(ProbeRole::Readiness, with);
  EXPECT_FALSE(tick_at(begin + seconds(5) - milliseconds(1)));
  EXPECT_EQ(probe->deadline(), begin + seconds(5));
  const StartCheck first = advance().value();
  EXPECT_EQ(first.give_up_at, begin + seconds(6));
  probe->on_result(first.id, true, now);
  EXPECT_EQ(probe->deadline(), begin + seconds(15));
}

TEST_F(ProbeTest, SpreadDelaysTheFirstCheckByLessThanAPeriod) {
  bool differs = false;
  for (int i = 0; i < 50; ++i) {
    make(ProbeRole::Readiness, spec(), true);
    EXPECT_GE(probe->deadline(), now);
    EXPECT_LT(probe->deadline(), now + seconds(10));
    differs = differs || probe->deadline() != now;
  }
  EXPECT_TRUE(differs);
}

TEST_F(ProbeTest, ReadinessFollowsTheThresholdsInBothDirections) {
  ProbeSpec with = spec();
  with.success_threshold = 2;
  make(ProbeRole::Readiness, with);
  answer({true, false, true});
  EXPECT_TRUE(verdicts.empty());
  answer({true});
  EXPECT_EQ(verdicts, std::vector<bool>{true});
  answer({false, false, true, false, false});
  EXPECT_TRUE(probe->passing());
  answer({false});
  EXPECT_EQ(verdicts, (std::vector<bool>{true, false}));
  answer({true, true});  // it goes on for ever
  EXPECT_EQ(verdicts, (std::vector<bool>{true, false, true}));
}

TEST_F(ProbeTest, LivenessIsOnHoldAfterItsFailureUntilANewProcess) {
  make(ProbeRole::Liveness);
  answer({false, false, false});
  EXPECT_EQ(verdicts, std::vector<bool>{false});
  EXPECT_EQ(probe->deadline(), kNever);
  EXPECT_FALSE(tick_at(now + hours(1)));
  probe->reset(now);
  EXPECT_TRUE(probe->passing());
  answer({false, false});
  EXPECT_EQ(verdicts, std::vector<bool>{false});
  answer({false});
  EXPECT_EQ(verdicts, (std::vector<bool>{false, false}));
}

TEST_F(ProbeTest, AResetForgetsTheStreakTheRunningCheckAndWaitsTheInitialDelay) {
  ProbeSpec with = spec();
  with.initial_delay = seconds(3);
  make(ProbeRole::Liveness, with);
  answer({false, false});
  const StartCheck old = advance().value();
  probe->reset(now);
  EXPECT_EQ(probe->deadline(), now + seconds(3));
  probe->on_result(old.id, false, now);
  answer({false, false});
  EXPECT_TRUE(verdicts.empty());
}

TEST_F(ProbeTest, SilenceIsAFailureAndItsLateAnswerIsIgnored) {
  make(ProbeRole::Readiness);
  answer({true, false, false});
  const StartCheck silent = advance().value();
  EXPECT_FALSE(advance());  // the next deadline is give_up_at, where nothing starts
  EXPECT_EQ(now, silent.give_up_at);
  EXPECT_FALSE(probe->passing());
  const StartCheck next = advance().value();
  probe->on_result(silent.id, true, now);  // late: must not end `next`
  EXPECT_FALSE(probe->passing());
  probe->on_result(next.id, true, now);
  EXPECT_TRUE(probe->passing());
}

TEST_F(ProbeTest, APassThatComesAfterItsTimeoutIsAFailure) {
  make(ProbeRole::Readiness);
  const StartCheck check = advance().value();
  probe->on_result(check.id, true, check.give_up_at);
  EXPECT_FALSE(probe->passing());
  drain();
  answer({true});
  EXPECT_TRUE(probe->passing());
}

TEST_F(ProbeTest, ACheckLongerThanThePeriodIsNeverDoubled) {
  ProbeSpec with = spec();
  with.timeout = seconds(25);
  make(ProbeRole::Readiness, with);
  const StartCheck check = advance().value();
  EXPECT_FALSE(tick_at(now + seconds(10)));
  EXPECT_FALSE(tick_at(now + seconds(10)));
  EXPECT_EQ(probe->deadline(), check.give_up_at);
  probe->on_result(check.id, true, now);
  EXPECT_LE(probe->deadline(), now);  // overdue: the next one starts at once
  EXPECT_TRUE(advance());
}

TEST_F(ProbeTest, AStalledAgentNeitherBurstsNorBlamesTheService) {
  ProbeSpec with = spec();
  with.failure_threshold = 1;
  make(ProbeRole::Liveness, with);
  ASSERT_TRUE(advance());
  EXPECT_TRUE(tick_at(now + hours(1)));  // one new check and no more
  EXPECT_TRUE(verdicts.empty());
  EXPECT_GT(probe->deadline(), now);
  EXPECT_FALSE(advance());  // this one was on time: nothing came
  EXPECT_EQ(verdicts, std::vector<bool>{false});
}

TEST_F(ProbeTest, AnErrorOfTheProberIsTriedThreeTimesMoreAndMovesNoCounter) {
  ProbeSpec with = spec();
  with.failure_threshold = 1;
  make(ProbeRole::Liveness, with);
  const Instant begin = now;
  for (int attempt = 0; attempt < 4; ++attempt) {
    const auto check = tick_at(now);
    ASSERT_TRUE(check) << attempt;
    probe->on_prober_error(check->id, now);
  }
  EXPECT_FALSE(tick_at(now));
  EXPECT_EQ(probe->deadline(), begin + seconds(10));
  EXPECT_TRUE(verdicts.empty());
}

TEST_F(ProbeTest, AnAdoptedProcessKeepsWhatWasPublished) {
  make(ProbeRole::Readiness, spec(), true);
  probe->adopt(true);
  EXPECT_TRUE(probe->passing());
  answer({true, false, false});
  EXPECT_TRUE(verdicts.empty());
  answer({false});
  EXPECT_EQ(verdicts, std::vector<bool>{false});
}

}  // namespace
}  // namespace muster::health
