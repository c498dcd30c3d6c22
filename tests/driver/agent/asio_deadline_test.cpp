#include "agent/asio_deadline.h"

#include <chrono>
#include <optional>

#include <asio/io_context.hpp>
#include <gtest/gtest.h>

#include "agent/posix_clock.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

struct Deadline : testing::Test {
  asio::io_context io{1};
  Instant deadline = kNever;
  std::optional<Duration> late;
  Instant told_at{};
  AsioDeadline alarm{io, [this] { return deadline; },
                     [this](Duration by) {
                       late = by;
                       told_at = control_now();
                       deadline = kNever;
                     }};

  // What is due so long after now is decided now; returns when that is.
  Instant arm(Duration after) {
    const Instant now = control_now();
    deadline = now + after;
    alarm.arm(now);
    return deadline;
  }
  // Runs until it has been told, which is not before `due` and no later than it says.
  void run_until(Instant due) {
    io.run();
    ASSERT_TRUE(late);
    EXPECT_GE(told_at, due);
    EXPECT_LE(*late, told_at - due);
  }
};

TEST_F(Deadline, ComesWhenItIsDueAndNotBefore) { run_until(arm(20ms)); }

// A suspicion that is confirmed has been due for seconds: nothing stood still meanwhile.
TEST_F(Deadline, WhoDecidesWhatWasDueLongAgoMakesNobodyLate) {
  const Instant begin = control_now();
  deadline = begin - 10s;
  alarm.arm(control_now());
  io.run();
  ASSERT_TRUE(late);
  EXPECT_LE(*late, told_at - begin);
}

TEST_F(Deadline, AnEarlierOneTakesItsPlace) {
  arm(1h);
  run_until(arm(10ms));
}

TEST_F(Deadline, ALaterOneIsWaitedFor) {
  arm(5ms);
  run_until(arm(30ms));
}

// While the loop stands still, what was due goes on being late whatever is decided then.
TEST_F(Deadline, WhatIsLateAlreadyStaysLate) {
  const Instant begin = control_now();
  deadline = begin + 5ms;
  alarm.arm(control_now());
  while (control_now() < begin + 50ms) {
  }
  deadline = begin - 10s;
  alarm.arm(control_now());
  io.run();
  ASSERT_TRUE(late);
  EXPECT_GE(*late, 45ms);
  EXPECT_LE(*late, told_at - begin);
}

// What was done after something had been decided, and before the loop came back, is lateness too.
TEST_F(Deadline, TheTimeThatDoingTakesCounts) {
  const Instant begin = control_now();
  deadline = begin + 5ms;
  while (control_now() < begin + 50ms) {
  }
  alarm.arm(begin);
  io.run();
  ASSERT_TRUE(late);
  EXPECT_GE(*late, 45ms);
  EXPECT_LE(*late, told_at - begin);
}

}  // namespace
}  // namespace muster::agent
