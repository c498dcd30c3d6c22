#include "identity/renewal.h"

#include <gtest/gtest.h>

namespace muster::identity {
namespace {

using std::chrono::duration_cast;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kIssued = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21};
const WallTime kBegins = kIssued - duration_cast<milliseconds>(kBackdated);
const WallTime kEnds = kIssued + hours(24 * 90);

TEST(Renewal, IsDueAtTwoThirdsOfTheLifeOrALittleBefore) {
  WallTime first = WallTime::max(), last = WallTime::min();
  for (int i = 0; i < 200; ++i) {
    const WallTime due = renewal_due("n" + std::to_string(i), kBegins, kEnds);
    first = std::min(first, due);
    last = std::max(last, due);
    EXPECT_LE(due, kIssued + hours(24 * 60));
    EXPECT_GE(due, kIssued + hours(24 * 60) - hours(24 * 90) / 20);
  }
  EXPECT_GT(last - first, hours(24 * 4));  // they are spread over those four and a half days
}

TEST(Renewal, TheTimeByWhichACertificateIsBackdatedIsNoPartOfItsLife) {
  const WallTime ends = kIssued + minutes(3);
  const WallTime due = renewal_due("n1", kBegins, ends);
  EXPECT_GT(due, kIssued + minutes(1));
  EXPECT_LE(due, kIssued + minutes(2));
}

TEST(Renewal, IsLookedAtEveryHourBecauseClocksAreSet) {
  EXPECT_EQ(renewal_in("n1", kBegins, kEnds, kIssued), hours(1));
  const WallTime due = renewal_due("n1", kBegins, kEnds);
  EXPECT_EQ(renewal_in("n1", kBegins, kEnds, due - minutes(5)), minutes(5));
  EXPECT_EQ(renewal_in("n1", kBegins, kEnds, due), Duration{0});
  EXPECT_EQ(renewal_in("n1", kBegins, kEnds, kEnds + hours(1)), Duration{0});
}

TEST(Renewal, FailuresAreRetriedLessAndLessOftenButOftenEnoughBeforeTheEnd) {
  EXPECT_EQ(renewal_pause(0, kEnds, kIssued), minutes(1));
  EXPECT_EQ(renewal_pause(1, kEnds, kIssued), minutes(2));
  EXPECT_EQ(renewal_pause(5, kEnds, kIssued), minutes(32));
  EXPECT_EQ(renewal_pause(6, kEnds, kIssued), hours(1));
  EXPECT_EQ(renewal_pause(4'000'000'000U, kEnds, kIssued), hours(1));
  EXPECT_EQ(renewal_pause(9, kEnds, kEnds - minutes(20)), minutes(1));
  EXPECT_EQ(renewal_pause(9, kEnds, kEnds + hours(1)), seconds(1));
}

}  // namespace
}  // namespace muster::identity
