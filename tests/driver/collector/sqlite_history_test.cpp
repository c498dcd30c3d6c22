#include "collector/sqlite_history.h"

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <set>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/driver/collector/sqlite_history_fixture.h"

namespace muster::collector {
namespace {

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
