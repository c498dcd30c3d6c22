#include "collector/sqlite_history.h"

#include <atomic>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/driver/temp_dir.h"

namespace muster::collector {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t kBegin = 1'700'000'040'000;  // a full minute

class SqliteHistoryTest : public testing::Test {
 protected:
  // Records `count` ticks; the value of "a" is its number, flushed each minute.
  void record(SqliteHistory& history, int count) {
    for (int i = 0; i < count; ++i) {
      history.add(WallTime(milliseconds(at_)), {{"a", static_cast<float>(ticks_)}, {"b", 1}});
      at_ += 10'000;
      if (++ticks_ % 6 == 0) flush(history);
    }
  }
  void flush(SqliteHistory& history) {
    for (HistoryNotice& notice : history.flush()) notices_.push_back(std::move(notice));
  }
  // From `from` up to what was recorded last.
  Column read(SqliteHistory& history, std::int64_t from, Duration step = seconds(10),
              const char* series = "a") {
    const auto grid = history.read(series, WallTime(milliseconds(from)),
                                   WallTime(milliseconds(at_ - 10'000)), step);
    EXPECT_TRUE(grid) << grid.error().text;
    return grid ? grid->column() : Column{};
  }
  // Of all files that belong to the history; one that is renamed meanwhile is not counted twice.
  static std::uint64_t bytes_of(const std::string& path) {
    std::uint64_t bytes = 0;
    for (const char* part : {".damaged", ".damaged-wal", "", "-wal", "-shm", "-journal"}) {
      std::error_code error;
      const auto size = fs::file_size(path + part, error);
      bytes += error ? 0 : size;
    }
    return bytes;
  }
  std::uint64_t bytes_of_log() const {
    std::error_code error;
    const auto size = fs::file_size(path_ + "-wal", error);
    return error ? 0 : size;
  }
  // As many series as a large machine has, none of which repeats itself; flushed every `flushed`.
  void record_much(SqliteHistory& history, int count, std::int64_t interval_ms, int flushed) {
    for (int i = 1; i <= count; ++i, at_ += interval_ms) {
      Measured measured;
      for (int series = 0; series < 400; ++series) {
        seed_ = seed_ * 6364136223846793005U + 1442695040888963407U;
        measured["s" + std::to_string(series)] = static_cast<float>(seed_ >> 33);
      }
      history.add(WallTime(milliseconds(at_)), measured);
      if (i % flushed == 0) flush(history);
    }
  }

  TempDir dir_;
  std::string path_ = dir_.file("history.db");
  std::int64_t at_ = kBegin;
  int ticks_ = 0;
  std::uint64_t seed_ = 1;
  std::vector<HistoryNotice> notices_;
};

TEST_F(SqliteHistoryTest, WhatWasRecordedIsThereAfterARestart) {
  {
    SqliteHistory history(path_, {});
    record(history, 100);
    EXPECT_FLOAT_EQ(read(history, kBegin, hours(1)).mean.at(0), 49.5F);  // each value once
    flush(history);
  }
  at_ += 60'000;  // it was off for a minute
  SqliteHistory history(path_, {});
  flush(history);
  record(history, 20);
  const Column column = read(history, kBegin);
  ASSERT_EQ(column.mean.size(), 126U);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(column.mean[i], static_cast<float>(i)) << i;
  for (std::size_t i = 100; i < 106; ++i) EXPECT_TRUE(std::isnan(column.mean[i])) << i;
  for (std::size_t i = 106; i < 126; ++i) EXPECT_EQ(column.mean[i], static_cast<float>(i - 6)) << i;
  EXPECT_EQ(history.series().value(), (std::set<std::string>{"a", "b"}));
  EXPECT_TRUE(notices_.empty());
}

TEST_F(SqliteHistoryTest, WhatIsNotOnDiskYetIsReadToo) {
  SqliteHistory history(path_, {});
  history.add(WallTime(milliseconds(at_)), {{"a", 3}});
  at_ += 10'000;
  EXPECT_EQ(read(history, kBegin).mean, std::vector<float>{3});
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SqliteHistoryTest, AfterAnHourAMinuteIsOnePointThatKnowsItsExtremes) {
  SqliteHistory history(path_, {});
  record(history, 3 * 360);
  const Column column = read(history, kBegin);
  ASSERT_EQ(column.mean.size(), 1080U);
  EXPECT_FLOAT_EQ(column.mean[0], 2.5F);
  EXPECT_EQ(column.low[5], 0);
  EXPECT_EQ(column.high[5], 5);
  for (std::size_t i = 0; i < 1080; ++i) EXPECT_FALSE(std::isnan(column.mean[i])) << i;
  for (std::size_t i = 720; i < 1080; ++i) EXPECT_EQ(column.mean[i], static_cast<float>(i)) << i;
}

TEST_F(SqliteHistoryTest, WhatIsOlderThanItIsToBeKeptIsRemoved) {
  HistoryOptions options;
  options.keep = hours(2);
  SqliteHistory history(path_, options);
  record(history, 6 * 360);
  const Column column = read(history, kBegin, hours(1));
  int gone = 0;
  for (const float value : column.mean) gone += std::isnan(value) ? 1 : 0;
  EXPECT_GE(gone, 2);
  EXPECT_LE(gone, 4);
}

TEST_F(SqliteHistoryTest, AClockThatIsSetBackLosesNothingThatCameBeforeAndShowsNothingTwice) {
  SqliteHistory history(path_, {});
  record(history, 200);
  at_ -= 1'000'000;  // 100 ticks back
  record(history, 50);
  const Column column = read(history, kBegin);
  ASSERT_EQ(column.mean.size(), 150U);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(column.mean[i], static_cast<float>(i)) << i;
  for (std::size_t i = 101; i < 150; ++i) {
    EXPECT_EQ(column.mean[i], static_cast<float>(i + 100)) << i;
  }
  record(history, 3 * 360);
  EXPECT_TRUE(notices_.empty());
}

TEST_F(SqliteHistoryTest, RowsThatMakeNoSensePutTheFileAsideToo) {
  for (const char* const change :
       {"span_ms = 9223372036854775807", "span_ms = -1", "step_ms = 0",
        "step_ms = 9223372036854775807", "begin_ms = -9223372036854775808", "begin_ms = end_ms + 1",
        "end_ms = 9223372036854775807", "begin_ms = begin_ms + 1", "id = 9223372036854775807",
        "id = -5", "step_ms = 'a while'"}) {
    SCOPED_TRACE(change);
    notices_.clear();
    {
      SqliteHistory history(path_, {});
      record(history, 400);  // more than an hour: the oldest is due to be downsampled
    }
    ASSERT_TRUE(notices_.empty());
    {
      auto database = SqliteDatabase::open(SqliteHistory::options(path_, 1 << 26));
      ASSERT_TRUE(database);
      std::string sql("UPDATE block SET ");
      ((sql += change) += " WHERE step_ms < 60000 AND id = (SELECT min(id) FROM block") +=
          " WHERE step_ms < 60000)";
      ASSERT_TRUE(database->execute(sql));
    }
    SqliteHistory history(path_, {});
    const std::int64_t anew = at_;
    record(history, 400);  // then all of the old is downsampled
    flush(history);
    ASSERT_EQ(notices_.size(), 1U);
    EXPECT_TRUE(notices_[0].trouble);
    EXPECT_NE(notices_[0].text.find("makes no sense"), std::string::npos) << notices_[0].text;
    EXPECT_EQ(read(history, anew).mean.size(), 400U);
    EXPECT_TRUE(fs::remove(path_ + ".damaged"));
  }
}

TEST_F(SqliteHistoryTest, AClockThatShowsTheFarFutureDoesNoHarm) {
  SqliteHistory history(path_, {});
  history.add(WallTime::max(), {{"a", 1}});
  history.add(WallTime::max(), {{"a", 2}});
  flush(history);
  record(history, 12);
  EXPECT_TRUE(notices_.empty());
  EXPECT_EQ(read(history, kBegin).mean[11], 11);
  SqliteHistory again(path_, {});
}

TEST_F(SqliteHistoryTest, ADamagedFileIsPutAsideAndNamedAndTheHistoryGoesOn) {
  {
    SqliteHistory history(path_, {});
    record(history, 100);
  }
  std::string bytes = read_file(path_);
  ASSERT_GT(bytes.size(), 6000U);
  bytes.replace(4096, 1500, std::string(1500, '\x5a'));
  write_file(path_, bytes);
  SqliteHistory history(path_, {});
  flush(history);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_TRUE(notices_[0].trouble);
  EXPECT_NE(notices_[0].text.find(path_ + ".damaged"), std::string::npos) << notices_[0].text;
  EXPECT_EQ(read_file(path_ + ".damaged"), bytes);
  const std::int64_t anew = at_;
  record(history, 12);
  EXPECT_EQ(read(history, anew).mean[11], 111);
  EXPECT_EQ(notices_.size(), 1U);
}

TEST_F(SqliteHistoryTest, AFileOfSomethingElseOrOfNothingIsPutAsideToo) {
  for (const char* content :
       {"", "this is no database, it is a letter to a friend.............."}) {
    write_file(path_, content);
    notices_.clear();
    SqliteHistory history(path_, {});
    record(history, 6);
    ASSERT_EQ(notices_.size(), 1U);
    EXPECT_EQ(read_file(path_ + ".damaged"), content);
  }
}

TEST_F(SqliteHistoryTest, AFileOfANewerVersionIsLeftAsItIs) {
  {
    SqliteHistory history(path_, {});
    record(history, 6);
  }
  {
    auto database = SqliteDatabase::open(SqliteHistory::options(path_, 50U << 20));
    ASSERT_TRUE(database && database->execute("PRAGMA user_version = 99"));
  }
  const std::string bytes = read_file(path_);
  {
    SqliteHistory history(path_, {});
    const std::int64_t anew = at_;
    record(history, 60);
    EXPECT_EQ(read(history, anew).mean[59], 65);
  }
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_NE(notices_[0].text.find("format 99"), std::string::npos) << notices_[0].text;
  EXPECT_EQ(read_file(path_), bytes);
  EXPECT_FALSE(fs::exists(path_ + ".damaged"));
}

TEST_F(SqliteHistoryTest, ABlockThatLostItsMeaningIsFoundByAReaderAndPutAside) {
  {
    SqliteHistory history(path_, {});
    record(history, 72);
  }
  {
    auto database = SqliteDatabase::open(SqliteHistory::options(path_, 50U << 20));
    ASSERT_TRUE(database) << database.error().text;
    ASSERT_TRUE(database->execute("UPDATE series SET data = x'00010203040506' WHERE block = 1"));
  }
  std::optional<SqliteHistory> history;
  history.emplace(path_, HistoryOptions{});
  const std::int64_t anew = at_;
  record(*history, 6);
  EXPECT_TRUE(notices_.empty());
  const auto grid =
      history->read("a", WallTime(milliseconds(kBegin)), WallTime(milliseconds(at_)), seconds(10));
  ASSERT_FALSE(grid);
  EXPECT_EQ(grid.error().code, Code::DataLoss);
  for (int i = 6; i < 70; ++i, at_ += 10'000) {
    history->add(WallTime(milliseconds(at_)), {{"a", static_cast<float>(i)}});
  }
  flush(*history);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_TRUE(fs::exists(path_ + ".damaged"));
  history.reset();
  history.emplace(path_, HistoryOptions{});
  flush(*history);
  const Column column = read(*history, anew);  // what was in memory is in the new file
  ASSERT_EQ(column.mean.size(), 70U);
  for (std::size_t i = 6; i < 70; ++i) EXPECT_EQ(column.mean[i], static_cast<float>(i)) << i;
}

TEST_F(SqliteHistoryTest, DamageThatOnlyAReaderMeetsIsPutAsideWithTheNextWrite) {
  SqliteHistory history(path_, {});
  record_much(history, 300, 10'000, 30);
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(9 * 4096);  // a page of the first block, which nobody writes again
    file << std::string(4096, '\x5a');
  }
  record_much(history, 30, 10'000, 30);
  EXPECT_TRUE(notices_.empty());
  const auto grid =
      history.read("s7", WallTime(milliseconds(kBegin)), WallTime(milliseconds(at_)), seconds(10));
  const auto names = history.series();
  ASSERT_FALSE(grid && names);
  EXPECT_EQ(grid ? names.error().code : grid.error().code, Code::DataLoss);
  record_much(history, 1, 10'000, 1);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_TRUE(fs::exists(path_ + ".damaged"));
  EXPECT_TRUE(history.series());
  record_much(history, 30, 10'000, 30);
  EXPECT_EQ(notices_.size(), 1U);
}

TEST_F(SqliteHistoryTest, AFileThatIsRemovedUnderItIsBegunAnewAndThatIsSaid) {
  for (const bool replaced : {false, true}) {
    notices_.clear();
    SqliteHistory history(path_, {});
    record(history, 60);
    fs::remove(path_);
    if (replaced) {
      SqliteHistory other(dir_.file("other.db"), {});
      record(other, 6);
      fs::copy_file(dir_.file("other.db"), path_);
    }
    const std::int64_t anew = at_;
    record(history, 12);
    ASSERT_EQ(notices_.size(), 1U) << replaced;
    EXPECT_TRUE(notices_[0].trouble);
    EXPECT_NE(notices_[0].text.find(path_), std::string::npos);
    EXPECT_TRUE(fs::exists(path_));
    EXPECT_EQ(read(history, anew).mean[11], static_cast<float>(ticks_ - 1));
  }
}

TEST_F(SqliteHistoryTest, TheNewestPointIsOfTheNewestMeasurementOrNotThere) {
  EXPECT_FALSE(SqliteHistory(path_, {}).newest("a").value());
  EXPECT_FALSE(fs::exists(path_));
  {
    SqliteHistory history(path_, {});
    record(history, 63);
    flush(history);
  }
  {
    SqliteHistory history(path_, {});
    const auto point = history.newest("a").value();
    ASSERT_TRUE(point);
    EXPECT_EQ(point->at, WallTime(milliseconds(at_ - 10'000)));
    EXPECT_EQ(point->value, 62);
    EXPECT_FALSE(history.newest("c").value());
    history.add(WallTime(milliseconds(at_)), {{"b", 1}});
    EXPECT_FALSE(history.newest("a").value());
    flush(history);
  }
  SqliteHistory history(path_, {});
  EXPECT_FALSE(history.newest("a").value());
  EXPECT_TRUE(history.newest("b").value());
}

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

TEST_F(SqliteHistoryTest, WhenItCannotBeWrittenItSaysSoOnceAndGoesOnByItself) {
  const std::string place = dir_.file("place");
  SqliteHistory history(place + "/history.db", {});
  record(history, 60);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_TRUE(notices_[0].trouble);
  fs::create_directory(place);
  record(history, 60);
  ASSERT_EQ(notices_.size(), 2U);
  EXPECT_FALSE(notices_[1].trouble);
  const Column column = read(history, kBegin);
  for (std::size_t i = 0; i < 120; ++i) EXPECT_EQ(column.mean[i], static_cast<float>(i)) << i;
}

TEST_F(SqliteHistoryTest, AFileThatCannotGrowIsWaitedForAndWhatCameMeanwhileIsThere) {
  SqliteHistory history(path_, {});
  record(history, 60);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full{fs::file_size(path_), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  record(history, 300);
  const auto told = notices_.size();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(told, 1U);
  record(history, 6);
  ASSERT_EQ(notices_.size(), 2U);
  EXPECT_TRUE(notices_[0].trouble);
  EXPECT_FALSE(notices_[1].trouble);
  const Column column = read(history, kBegin);
  for (std::size_t i = 0; i < 366; ++i) EXPECT_EQ(column.mean[i], static_cast<float>(i)) << i;
}

}  // namespace
}  // namespace muster::collector
