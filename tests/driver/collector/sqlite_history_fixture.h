// What do the tests of sqlite_history write and read with?
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "collector/sqlite_history.h"
#include "tests/driver/temp_dir.h"

namespace muster::collector {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr std::int64_t kBegin = 1'700'000'040'000;  // a full minute

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

}  // namespace muster::collector
