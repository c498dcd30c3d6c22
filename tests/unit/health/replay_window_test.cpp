#include "health/replay_window.h"

#include <set>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace muster::health {
namespace {

constexpr std::uint64_t kBits = ReplayWindow::kBits;

TEST(ReplayWindow, ANumberIsNewOnce) {
  ReplayWindow window;
  for (const std::uint64_t number : {7U, 5U, 6U, 8U, 0U}) {
    EXPECT_TRUE(window.is_new(number)) << number;
    window.take(number);
    EXPECT_FALSE(window.is_new(number)) << number;
  }
}

TEST(ReplayWindow, TheWindowReachesKBitsBackAndNoFurther) {
  ReplayWindow window;
  window.take(kBits + 9);
  EXPECT_TRUE(window.is_new(10));
  EXPECT_FALSE(window.is_new(9));
  window.take(10);
  EXPECT_FALSE(window.is_new(10));
  window.take(kBits + 10);
  EXPECT_FALSE(window.is_new(10));
  EXPECT_TRUE(window.is_new(11));
}

TEST(ReplayWindow, AJumpForgetsWhatIsTooOldToTellAndNothingElse) {
  for (const std::uint64_t jump : {kBits - 1, kBits, kBits + 1, std::uint64_t{1} << 47}) {
    ReplayWindow window;
    window.take(1);
    window.take(1 + jump);
    EXPECT_FALSE(window.is_new(1)) << jump;
    EXPECT_FALSE(window.is_new(1 + jump)) << jump;
    EXPECT_TRUE(window.is_new(jump)) << jump;
    EXPECT_TRUE(window.is_new(2 + jump)) << jump;
  }
}

TEST(ReplayWindow, AgreesWithASetOfAllThatWasTaken) {
  Rng rng(11);
  ReplayWindow window;
  std::set<std::uint64_t> taken;
  std::uint64_t highest = 0;
  for (int i = 0; i < 20000; ++i) {
    // Half of them go on with small gaps, the others are late; now and then there is a jump.
    std::uint64_t number = highest + 1 + rng.below(std::uint64_t{4});
    if (rng.chance(50)) number = highest - rng.below(std::min(highest + 1, kBits + 50));
    if (i % 5000 == 4999) number = highest + 3 * kBits;
    const bool known = taken.contains(number) || (number + kBits <= highest && !taken.empty());
    ASSERT_EQ(window.is_new(number), !known) << number << " after " << highest;
    if (known) continue;
    window.take(number);
    taken.insert(number);
    highest = std::max(highest, number);
  }
  EXPECT_GT(taken.size(), 5000U);
}

}  // namespace
}  // namespace muster::health
