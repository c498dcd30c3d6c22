// How much room does a node's history take, at every moment?
#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "tests/driver/collector/sqlite_history_fixture.h"

namespace muster::collector {
namespace {

// Looks at the sizes again and again while something happens.
class SizeWatch {
 public:
  explicit SizeWatch(std::function<std::uint64_t()> size)
      : size_(std::move(size)), thread_([this] { run(); }) {}
  ~SizeWatch() { (void)largest(); }
  SizeWatch(const SizeWatch&) = delete;
  SizeWatch& operator=(const SizeWatch&) = delete;
  std::uint64_t largest() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
    return largest_;
  }

 private:
  void run() {
    for (; !ended_; std::this_thread::yield()) largest_ = std::max(largest_, size_());
  }
  std::function<std::uint64_t()> size_;
  std::atomic<bool> ended_ = false;
  std::uint64_t largest_ = 0;
  std::thread thread_;
};

TEST_F(SqliteHistoryTest, AllItsFilesTogetherStayWithinItsSizeAtEveryMoment) {
  HistoryOptions options;
  options.keep = hours(24 * 31);
  options.max_bytes = std::uint64_t{5} << 19;  // of which 1 MiB is for the log
  for (const int interval_s : {10, 1}) {
    fs::remove(path_ + ".damaged");
    fs::remove(path_);
    options.interval = seconds(interval_s);
    SizeWatch watch([this] { return bytes_of(path_); });
    std::optional<SqliteHistory> history;
    history.emplace(path_, options);
    record_much(*history, 360 * 7, interval_s * 1000, 30);
    EXPECT_TRUE(notices_.empty()) << notices_.front().text;
    EXPECT_GT(bytes_of(path_), options.max_bytes / 2);
    history.reset();
    write_file(path_ + ".damaged", "an older one");
    fs::resize_file(path_, fs::file_size(path_) - 4096);  // it is damaged
    history.emplace(path_, options);
    record_much(*history, 360 * 3, interval_s * 1000, 30);
    EXPECT_EQ(notices_.size(), 1U) << interval_s;
    EXPECT_GT(fs::file_size(path_ + ".damaged"), options.max_bytes / 8);
    EXPECT_LE(watch.largest(), options.max_bytes) << interval_s;
    notices_.clear();
  }
}

TEST_F(SqliteHistoryTest, TheLogKeepsWithinItsRoomWhenAnHourOfSecondsIsMerged) {
  HistoryOptions options;
  options.interval = seconds(1);
  options.downsample_after = minutes(10);
  SizeWatch watch([this] { return bytes_of_log(); });
  SqliteHistory history(path_, options);
  record_much(history, 3600 + 660, 1000, 60);
  EXPECT_LE(watch.largest(), std::uint64_t{1} << 20);
  const auto grid =
      history.read("s7", WallTime(milliseconds(kBegin)), WallTime(milliseconds(at_)), seconds(60));
  ASSERT_TRUE(grid);
  EXPECT_LT(grid->column().low.front(), grid->column().high.front());
  EXPECT_TRUE(notices_.empty());
}

TEST_F(SqliteHistoryTest, WhatWasPutAsideBeforeIsCutToItsShare) {
  write_file(path_ + ".damaged", "SQLite format 3");
  fs::resize_file(path_ + ".damaged", std::uint64_t{49} << 20);
  SqliteHistory history(path_, {});
  record(history, 6);
  EXPECT_LE(fs::file_size(path_ + ".damaged"), std::uint64_t{13} << 20);
  EXPECT_TRUE(read_file(path_ + ".damaged").starts_with("SQLite format 3"));
}

TEST_F(SqliteHistoryTest, ItNeverGrowsBeyondItsSizeAndTheNewestStays) {
  HistoryOptions options;
  options.keep = hours(24 * 31);
  options.max_bytes = std::uint64_t{4} << 20;
  SqliteHistory history(path_, options);
  std::uint64_t seed = 1;
  std::uint64_t largest = 0;
  for (int i = 0; i < 360 * 12; ++i) {
    Measured measured;
    for (int series = 0; series < 400; ++series) {
      seed = seed * 6364136223846793005U + 1442695040888963407U;
      measured["s" + std::to_string(series)] = static_cast<float>(seed >> 33);
    }
    history.add(WallTime(milliseconds(at_)), measured);
    at_ += 10'000;
    if (i % 30 != 29) continue;
    flush(history);
    largest = std::max(largest, bytes_of(path_));
  }
  EXPECT_LE(largest, options.max_bytes);
  EXPECT_TRUE(notices_.empty());
  const Column column = read(history, at_ - 3'600'000, seconds(10), "s7");
  for (const float value : column.mean) EXPECT_FALSE(std::isnan(value));
  EXPECT_TRUE(std::isnan(read(history, kBegin, seconds(10), "s7").mean.front()));
}

TEST_F(SqliteHistoryTest, ASmallerSizeIsTakenOnWithTheNextStart) {
  HistoryOptions options;
  options.keep = hours(24 * 31);
  {
    SqliteHistory history(path_, options);
    record_much(history, 360 * 14, 10'000, 60);
  }
  const std::uint64_t before = bytes_of(path_);
  ASSERT_GT(before, std::uint64_t{7} << 19);
  options.max_bytes = std::uint64_t{3} << 20;
  SizeWatch watch([this] { return bytes_of(path_); });
  SqliteHistory history(path_, options);
  int flushes = 0;
  do {
    flush(history);
    EXPECT_LE(bytes_of_log(), std::uint64_t{1} << 20);
  } while (history.unfinished() && ++flushes < 100);
  EXPECT_LE(bytes_of(path_), options.max_bytes);
  EXPECT_LE(watch.largest(), before + (std::uint64_t{1} << 20));  // never twice
  SizeWatch after([this] { return bytes_of(path_); });
  record_much(history, 360 * 3, 10'000, 30);
  EXPECT_LE(after.largest(), options.max_bytes);
  for (const float value : read(history, at_ - 3'600'000, seconds(10), "s7").mean) {
    EXPECT_FALSE(std::isnan(value));
  }
  EXPECT_TRUE(notices_.empty());
}

}  // namespace
}  // namespace muster::collector
