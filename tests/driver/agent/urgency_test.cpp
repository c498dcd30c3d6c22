#include <cerrno>
#include <cstdint>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/posix_urgency.h"

namespace muster::agent {
namespace {

// As sched_getattr(2) has it.
struct Attributes {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};

Attributes of_this_thread() {
  Attributes is{};
  EXPECT_EQ(::syscall(SYS_sched_getattr, 0, &is, sizeof is, 0U), 0) << errno;
  return is;
}

// Root in a container may not.
bool may_go_first() {
  bool may = false;
  std::thread([&] { may = ::setpriority(PRIO_PROCESS, 0, kUrgentNice) == 0; }).join();
  return may;
}

// Since 6.12 a thread may say how long its turns are.
bool knows_turns() {
  utsname kernel{};
  ::uname(&kernel);
  const std::string release = kernel.release;
  const int major = std::stoi(release);
  const int minor = std::stoi(release.substr(release.find('.') + 1));
  return major > 6 || (major == 6 && minor >= 12);
}

// On a thread of its own: what it changes ends with it. Tests may be run with a nice value.
template <class Body>
void on_a_thread(Body body) {
  std::thread(body).join();
}
class Urgency : public testing::Test {
 protected:
  void SetUp() override {
    if (of_this_thread().nice != 0) GTEST_SKIP() << "runs with a nice value of its own";
  }
};

TEST_F(Urgency, GoesFirstWithShortTurns) {
  on_a_thread([] {
    const Status had = take_precedence();
    const Attributes is = of_this_thread();
    EXPECT_EQ(is.policy, static_cast<std::uint32_t>(SCHED_OTHER));
    if (knows_turns()) {
      EXPECT_EQ(is.runtime, 100'000U);
    }
    if (may_go_first()) {
      ASSERT_TRUE(had) << had.error().text;
      EXPECT_EQ(is.nice, kUrgentNice);
    } else if (!had) {
      EXPECT_EQ(had.error().code, Code::PermissionDenied);
      EXPECT_EQ(is.nice, 0);
    }
  });
}

TEST_F(Urgency, WhatIsMadeLaterBeginsWithoutIt) {
  on_a_thread([] {
    const Attributes before = of_this_thread();
    (void)take_precedence();
    on_a_thread([&] {
      const Attributes is = of_this_thread();
      EXPECT_EQ(is.nice, 0);
      EXPECT_EQ(is.runtime, before.runtime);
    });
  });
}

TEST_F(Urgency, LeavesAnOperatorsWishAlone) {
  on_a_thread([] {
    const Attributes before = of_this_thread();
    ASSERT_EQ(::setpriority(PRIO_PROCESS, 0, 3), 0);
    const Status had = take_precedence();
    ASSERT_TRUE(had) << had.error().text;
    EXPECT_EQ(of_this_thread().nice, 3);
    on_a_thread([&] {
      EXPECT_EQ(of_this_thread().nice, 3);
      EXPECT_EQ(of_this_thread().runtime, before.runtime);
    });
  });
}

TEST_F(Urgency, LeavesAnotherPolicyAlone) {
  on_a_thread([] {
    const sched_param none{};
    ASSERT_EQ(::sched_setscheduler(0, SCHED_BATCH, &none), 0);
    const Status had = take_precedence();
    ASSERT_TRUE(had) << had.error().text;
    EXPECT_EQ(of_this_thread().policy, static_cast<std::uint32_t>(SCHED_BATCH));
    EXPECT_EQ(of_this_thread().nice, 0);
  });
}

}  // namespace
}  // namespace muster::agent
