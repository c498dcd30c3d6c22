#include "identity/clock.h"

#include <gtest/gtest.h>

namespace muster::identity {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const WallTime kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + hours(8);

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Clock, HalfAnHourApartTwoAgreeAndLongerApartTheyDoNot) {
  EXPECT_FALSE(clocks_differ(kNow, kNow + minutes(30)));
  EXPECT_FALSE(clocks_differ(kNow + minutes(30), kNow));
  EXPECT_TRUE(clocks_differ(kNow, kNow + minutes(31)));
  EXPECT_TRUE(clocks_differ(kNow + minutes(31), kNow));
}

TEST(Clock, OneThatWasFoundWrongIsRightAgainOnlyWhenItIsMuchNearer) {
  EXPECT_TRUE(clocks_differ(kNow, kNow + minutes(29), true));
  EXPECT_FALSE(clocks_differ(kNow, kNow + minutes(15), true));
}

TEST(Clock, ADifferenceNamesBothTimes) {
  const std::string text = difference_text("n2", kNow + hours(24), "this master's", kNow);
  EXPECT_TRUE(has(text, "the clock of n2 is 24 h 0 min ahead of this master's")) << text;
  EXPECT_TRUE(has(text, "2026-11-22T08:00:00Z there")) << text;
  EXPECT_TRUE(has(text, "2026-11-21T08:00:00Z here")) << text;
  EXPECT_TRUE(has(difference_text("n2", kNow - minutes(95), "mine", kNow), "1 h 35 min behind"));
}

TEST(Clock, WhateverAPeerClaimsCanBeReckonedWith) {
  const WallTime year_9999{std::chrono::milliseconds(253'402'300'799'000)};
  EXPECT_TRUE(clocks_differ(year_9999, kNow));
  EXPECT_TRUE(clocks_differ(kNow, year_9999));
  EXPECT_FALSE(check_clock("n2", year_9999, kNow, "join"));
}

TEST(Clock, ACertificateOfTomorrowOrYesterdayIsNotTakenAndItIsSaidWhatToDo) {
  EXPECT_TRUE(check_valid("it", kNow, kNow + hours(1), kNow));
  const Status early = check_valid("the certificate", kNow + hours(23), kNow + hours(99), kNow);
  ASSERT_FALSE(early);
  for (const char* part : {"the certificate is not valid before 2026-11-22T07:00:00Z",
                           "clock says 2026-11-21T08:00:00Z", "timedatectl"}) {
    EXPECT_TRUE(has(early.error().text, part)) << early.error().text;
  }
  const Status late = check_valid("the certificate", kNow - hours(9), kNow, kNow);
  ASSERT_FALSE(late);
  EXPECT_TRUE(has(late.error().text, "valid until 2026-11-21T08:00:00Z only"));
}

}  // namespace
}  // namespace muster::identity
