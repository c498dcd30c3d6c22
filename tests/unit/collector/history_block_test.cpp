#include "collector/history_block.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

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

TEST(HistoryBlock, TimesAndValuesComeBackAsTheyWere) {
  const std::vector<std::int64_t> times{1'700'000'000'000, 1'700'000'010'003, 1'700'000'020'001};
  EXPECT_EQ(decode_times(encode_times(times)).value(), times);
  EXPECT_EQ(decode_times(encode_times({0})).value(), std::vector<std::int64_t>{0});
  const std::vector<std::vector<float>> columns{
      {1},
      {1, 2, 3},
      {0, 0, 0, 0, 0, 7, 0, 0},
      {kNone, kNone, kNone, 1.5F, 1.5F, kNone},
      {-1, 1e30F, std::numeric_limits<float>::infinity(), 3, 3, 3, 3}};
  for (const std::vector<float>& values : columns) {
    const auto back = decode_column(encode_column({values, {}, {}}), values.size());
    ASSERT_TRUE(back) << back.error().text;
    expect_same(back->mean, values);
    EXPECT_TRUE(back->low.empty());
  }
  const auto coarse = decode_column(encode_column({{2, 2, 2}, {1, 1, kNone}, {3, 4, 5}}), 3);
  ASSERT_TRUE(coarse);
  expect_same(coarse->low, {1, 1, kNone});
  expect_same(coarse->high, {3, 4, 5});
}

TEST(HistoryBlock, AnIdleSeriesTakesNoMoreRoomWhenItIsLonger) {
  const std::size_t some = encode_column({std::vector<float>(10, 0), {}, {}}).size();
  EXPECT_EQ(encode_column({std::vector<float>(60, 0), {}, {}}).size(), some);
}

TEST(HistoryBlock, EveryFlippedBitAndEveryLostByteIsNoticed) {
  const std::string column = encode_column({{1, 2, 2, 2, 2, 5}, {}, {}});
  const std::string times = encode_times({10, 20, 30});
  const auto damaged = [](const std::string& column_bytes, const std::string& times_bytes) {
    return !decode_column(column_bytes, 6) && !decode_times(times_bytes);
  };
  for (std::size_t bit = 0; bit < 8 * std::min(column.size(), times.size()); ++bit) {
    std::string one = column;
    std::string other = times;
    one[bit / 8] = static_cast<char>(one[bit / 8] ^ (1 << bit % 8));
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(damaged(one, other)) << bit;
  }
  for (std::size_t size = 0; size < times.size(); ++size) {
    EXPECT_TRUE(damaged(column.substr(0, size), times.substr(0, size))) << size;
  }
  EXPECT_FALSE(decode_column(column, 5));
  EXPECT_FALSE(decode_column(column, 7));
}

TEST(HistoryBlock, ManyPointsBecomeOneAMinuteWithItsMeanLowestAndHighest) {
  HistoryBlock first;
  first.id = 4;
  first.span_ms = 30'000;
  first.step_ms = 10'000;
  first.times = {60'000, 70'000, 119'999};
  first.columns["a"].mean = {1, 2, 6};
  HistoryBlock second = first;
  second.id = 5;
  second.times = {120'000, 300'000, 310'000};
  second.columns = {{"b", {{5, kNone, kNone}, {}, {}}}};
  const HistoryBlock whole = merged({first, second}, 60'000);
  EXPECT_EQ(whole.id, 4U);
  EXPECT_EQ(whole.span_ms, 60'000);
  EXPECT_EQ(whole.step_ms, 60'000);
  EXPECT_EQ(whole.times, (std::vector<std::int64_t>{60'000, 120'000, 300'000}));
  expect_same(whole.columns.at("a").mean, {3, kNone, kNone});
  expect_same(whole.columns.at("a").low, {1, kNone, kNone});
  expect_same(whole.columns.at("a").high, {6, kNone, kNone});
  expect_same(whole.columns.at("b").mean, {kNone, 5, kNone});
}

}  // namespace
}  // namespace muster::collector
