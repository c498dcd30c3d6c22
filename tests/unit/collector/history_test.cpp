#include "collector/history.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kHourMs = 3'600'000;

WallTime at(std::int64_t time_ms) { return WallTime(milliseconds(time_ms)); }

void expect_same(const std::vector<float>& left, const std::vector<float>& right) {
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (std::isnan(right[i])) {
      EXPECT_TRUE(std::isnan(left[i])) << i;
    } else {
      EXPECT_EQ(left[i], right[i]) << i;
    }
  }
}

// `minutes_each` recorded in each fine block, one after the other, ids from 1.
std::vector<BlockInfo> fine_blocks(std::size_t count, std::int64_t minutes_each = 10) {
  std::vector<BlockInfo> blocks;
  const std::int64_t span = minutes_each * 60'000;
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = static_cast<std::int64_t>(i) * span;
    blocks.push_back({i + 1, span, 10'000, begin, begin + span - 10'000});
  }
  return blocks;
}

TEST(HistoryTail, ABlockIsFullAfterSoManyMeasurementsAndTheNextOneBegins) {
  HistoryTail tail(seconds(10));
  for (std::int64_t i = 0; i < 61; ++i) tail.add(at(i * 10'000), {{"a", 1}});
  ASSERT_EQ(tail.blocks().size(), 2U);
  EXPECT_EQ(tail.blocks()[0].times.size(), HistoryTail::kBlockTicks);
  EXPECT_EQ(tail.blocks()[0].span_ms, 600'000);
  EXPECT_EQ(tail.blocks()[1].times, std::vector<std::int64_t>{600'000});
  tail.saved();
  ASSERT_EQ(tail.blocks().size(), 1U);
  EXPECT_EQ(tail.blocks()[0].times, std::vector<std::int64_t>{600'000});
}

TEST(HistoryTail, ASeriesThatIsNotAlwaysThereHasGaps) {
  HistoryTail tail(seconds(10));
  tail.add(at(0), {{"a", 1}});
  tail.add(at(10'000), {{"a", 2}, {"b", 3}});
  tail.add(at(20'000), {{"b", 4}});
  const HistoryBlock& block = tail.blocks().front();
  expect_same(block.columns.at("a").mean, {1, 2, kNone});
  expect_same(block.columns.at("b").mean, {kNone, 3, 4});
}

TEST(HistoryTail, AClockThatIsSetBackBeginsABlockAndLosesNone) {
  HistoryTail tail(seconds(10));
  tail.add(at(100'000), {{"a", 1}});
  tail.add(at(40'000), {{"a", 2}});
  tail.add(at(40'000), {{"a", 3}});
  EXPECT_EQ(tail.blocks().size(), 3U);
}

TEST(HistoryTail, AMeasurementBeforeItsTurnMakesNothingOlderThanItIs) {
  HistoryTail tail(seconds(10));
  for (const std::int64_t time : {0, 10'000, 10'700, 20'700, 31'000})
    tail.add(at(time), {{"a", 1}});
  EXPECT_EQ(tail.blocks().back().span_ms, 10'000 + 10'000 + 700 + 10'000 + 10'000);
}

TEST(HistoryTail, WhatCannotBeWrittenIsBounded) {
  HistoryTail tail(seconds(10));
  for (std::int64_t i = 0; i < 60 * 100; ++i) tail.add(at(i * 10'000), {{"a", 1}});
  EXPECT_EQ(tail.blocks().size(), HistoryTail::kBlocksMax);
  EXPECT_EQ(tail.blocks().back().times.back(), 5'999 * 10'000);
}

TEST(HistoryPlans, AnHourIsMergedOnceAnotherHourIsThere) {
  const HistoryOptions options;
  EXPECT_TRUE(plan_merge(fine_blocks(11), options).empty());
  EXPECT_EQ(plan_merge(fine_blocks(12), options), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
  auto after = fine_blocks(13);
  after.erase(after.begin(), after.begin() + 5);
  after.front().step_ms = kCoarseStepMs;
  after.front().span_ms = kHourMs;
  EXPECT_TRUE(plan_merge(after, options).empty());
}

TEST(HistoryPlans, WhatIsMergedIsAnHourAtMost) {
  const auto blocks = fine_blocks(4, 59);  // an interval of 59 s
  EXPECT_EQ(plan_merge(blocks, {}), std::vector<std::uint64_t>{1});
}

TEST(HistoryPlans, BlocksAreNotMergedOverAClockThatWasSetBack) {
  auto blocks = fine_blocks(14);
  for (std::size_t i = 2; i < blocks.size(); ++i) {
    blocks[i].begin_ms -= 700'000;
    blocks[i].end_ms -= 700'000;
  }
  EXPECT_EQ(plan_merge(blocks, {}), (std::vector<std::uint64_t>{1, 2}));
}

TEST(HistoryPlans, AnIntervalOfAMinuteOrMoreHasNothingToDownsample) {
  auto blocks = fine_blocks(100, 60);
  for (BlockInfo& block : blocks) block.step_ms = 60'000;
  EXPECT_TRUE(plan_merge(blocks, {}).empty());
}

TEST(HistoryPlans, WhatGoesIsWhatIsNotNeededToCoverTheTimeToKeep) {
  HistoryOptions options;
  options.keep = hours(1);
  EXPECT_TRUE(plan_prune(fine_blocks(6), options).empty());
  EXPECT_EQ(plan_prune(fine_blocks(8), options), (std::vector<std::uint64_t>{1, 2}));
}

TEST(HistoryPlans, AClockThatJumpsMakesNothingTooOld) {
  HistoryOptions options;
  options.keep = hours(1);
  auto blocks = fine_blocks(6);
  blocks.back().begin_ms += 10 * 365 * 24 * kHourMs;
  blocks.back().end_ms += 10 * 365 * 24 * kHourMs;
  EXPECT_TRUE(plan_prune(blocks, options).empty());
}

TEST(HistoryGrid, WhatFallsIntoAStepIsAveragedAndItsExtremesAreKept) {
  HistoryGrid grid(0, 119'999, 60'000);
  const Column column{{1, 3, 8}, {}, {}};
  grid.add({0, 30'000, 60'000}, 10'000, &column);
  expect_same(grid.column().mean, {2, 8});
  expect_same(grid.column().low, {1, 8});
  expect_same(grid.column().high, {3, 8});
}

TEST(HistoryGrid, ACoarsePointStandsForItsWholeMinuteAndGapsStayGaps) {
  HistoryGrid grid(0, 110'000, 10'000);
  const Column column{{5}, {1}, {9}};
  grid.add({10'000}, 60'000, &column);
  expect_same(grid.column().mean, {kNone, 5, 5, 5, 5, 5, 5, kNone, kNone, kNone, kNone, kNone});
  EXPECT_EQ(grid.column().low[3], 1);
  EXPECT_EQ(grid.column().high[3], 9);
}

TEST(HistoryGrid, MeasurementsThatComeALittleLateLeaveNoGap) {
  HistoryGrid grid(0, 39'999, 10'000);
  const Column column{{1, 2, 3}, {}, {}};
  grid.add({9'999, 20'001, 30'500}, 10'000, &column);
  expect_same(grid.column().mean, {1, 1, 2, 3});
}

TEST(HistoryGrid, WhatWasRecordedLaterCountsWhereTheClockWasSetBack) {
  HistoryGrid grid(0, 59'999, 10'000);
  const Column before{{1, 1, 1, 1, 1, 1}, {}, {}};
  grid.add({0, 10'000, 20'000, 30'000, 40'000, 50'000}, 10'000, &before);
  const Column after{{7, 7}, {}, {}};
  grid.add({19'000, 29'000}, 10'000, &after);
  expect_same(grid.column().mean, {1, 4, 7, 7, kNone, kNone});
  grid.add({5'000}, 10'000, nullptr);
  expect_same(grid.column().mean, {1, kNone, kNone, kNone, kNone, kNone});
}

TEST(HistoryGrid, WhatLiesBeforeOrAfterIsLeftOutButItsMinuteReachesIn) {
  HistoryGrid grid(100'000, 129'999, 10'000);
  const Column column{{1, 2, 3}, {}, {}};
  grid.add({10'000, 99'000, 500'000}, 10'000, &column);
  expect_same(grid.column().mean, {2, kNone, kNone});
  EXPECT_EQ(HistoryGrid(100'001, 129'999, 10'000).from_ms(), 100'000);
}

}  // namespace
}  // namespace muster::collector
