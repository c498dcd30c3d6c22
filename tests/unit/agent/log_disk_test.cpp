#include "agent/log_disk.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant kStart{std::chrono::hours(1)};
constexpr Duration kPatience = seconds(1);

TEST(LogDisk, OneThatAnswersInTimeIsWell) {
  LogDisk disk(kPatience);
  EXPECT_EQ(disk.deadline(), kNever);
  disk.asked(1, kStart);
  EXPECT_EQ(disk.deadline(), kStart + kPatience);
  disk.on_durable(1);
  EXPECT_FALSE(disk.look(kStart + kPatience));
  EXPECT_FALSE(disk.failing());
  EXPECT_FALSE(disk.is_time_to_hand_over(kStart + kPatience));
}

TEST(LogDisk, OneThatDoesNotAnswerHangsUntilItDoes) {
  LogDisk disk(kPatience);
  disk.asked(1, kStart);
  disk.asked(2, kStart + milliseconds(500));
  EXPECT_FALSE(disk.look(kStart + milliseconds(999)));
  EXPECT_TRUE(disk.look(kStart + kPatience));
  EXPECT_TRUE(disk.hangs());
  EXPECT_FALSE(disk.look(kStart + seconds(2)));  // that is not new
  EXPECT_TRUE(disk.is_time_to_hand_over(kStart + kPatience));
  EXPECT_FALSE(disk.is_time_to_hand_over(kStart + kPatience));
  EXPECT_EQ(disk.deadline(), kStart + seconds(2));
  EXPECT_TRUE(disk.is_time_to_hand_over(kStart + seconds(2)));  // if it could not be done before
  disk.on_durable(2);
  EXPECT_TRUE(disk.look(kStart + seconds(2)));
  EXPECT_FALSE(disk.failing());
  EXPECT_EQ(disk.deadline(), kNever);
}

TEST(LogDisk, TheOldestWriteTellsThatItHangs) {
  LogDisk disk(kPatience);
  disk.asked(1, kStart);
  disk.asked(2, kStart + milliseconds(500));
  disk.on_durable(1);
  EXPECT_FALSE(disk.look(kStart + kPatience));
  EXPECT_TRUE(disk.look(kStart + milliseconds(1500)));
}

TEST(LogDisk, OneThatFailsIsLeftAfterAWhile) {
  LogDisk disk(kPatience);
  disk.asked(1, kStart);
  disk.on_health(true, kStart + milliseconds(100));
  EXPECT_TRUE(disk.failing());
  EXPECT_EQ(disk.deadline(), kStart + milliseconds(1100));
  EXPECT_FALSE(disk.look(kStart + seconds(1)));  // it said so itself
  disk.on_health(true, kStart + seconds(1));     // that moves nothing
  EXPECT_TRUE(disk.is_time_to_hand_over(kStart + milliseconds(1100)));
}

TEST(LogDisk, OneThatHangsAndThenFailsDoesNotAnswerAgain) {
  LogDisk disk(kPatience);
  disk.asked(1, kStart);
  EXPECT_TRUE(disk.look(kStart + kPatience));
  disk.on_health(true, kStart + seconds(2));
  EXPECT_FALSE(disk.look(kStart + seconds(2)));
  EXPECT_TRUE(disk.failing());
}

TEST(LogDisk, OneThatWasMendedHasTimeForWhatWaited) {
  LogDisk disk(kPatience);
  disk.asked(1, kStart);
  disk.on_health(true, kStart);
  disk.on_health(false, kStart + seconds(9));
  EXPECT_FALSE(disk.failing());
  EXPECT_FALSE(disk.look(kStart + milliseconds(9999)));
  EXPECT_FALSE(disk.is_time_to_hand_over(kStart + milliseconds(9999)));
  EXPECT_TRUE(disk.look(kStart + seconds(10)));
}

}  // namespace
}  // namespace muster::agent
