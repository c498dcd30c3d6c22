// What do the tests of the log need? Jobs, someone to hear the callbacks, and SQL behind its back.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "failover/sqlite_log.h"
#include "tests/driver/temp_dir.h"

namespace muster::failover {

inline constexpr const char* kCluster = "prod";

inline raft::Entry entry(raft::Term term, const std::string& data,
                         raft::EntryType type = raft::EntryType::Command) {
  return {term, type, std::make_shared<const std::string>(data)};
}

inline SqliteLog::Job append(std::uint64_t ticket, raft::Index first,
                             std::vector<raft::Entry> entries) {
  return {ticket, SqliteLog::AppendEntries{first, std::move(entries)}};
}

inline SqliteLog::Job snapshot(std::uint64_t ticket, raft::Index index, raft::Index keep_from,
                               const std::string& data = "the state") {
  raft::SnapshotMeta meta{index, 2, 1, {{11, "127.0.0.1:1", true}, {12, "127.0.0.1:2", false}}};
  return {ticket,
          SqliteLog::PutSnapshot{meta, std::make_shared<const std::string>(data), keep_from}};
}

// Bytes that differ from piece to piece.
inline std::string much(std::size_t bytes) {
  std::string out(bytes, '\0');
  std::uint32_t state = 1;
  for (char& byte : out) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return out;
}

// What the callbacks said so far.
class Heard {
 public:
  SqliteLog::Callbacks callbacks() {
    return {[this](std::vector<std::uint64_t> tickets) {
              const std::lock_guard lock(mutex_);
              tickets_.insert(tickets_.end(), tickets.begin(), tickets.end());
              ++turns_;
            },
            [this](bool failing, Error error) {
              const std::lock_guard lock(mutex_);
              health_.emplace_back(failing, std::move(error));
            }};
  }
  std::vector<std::uint64_t> tickets() {
    const std::lock_guard lock(mutex_);
    return tickets_;
  }
  std::vector<std::pair<bool, Error>> health() {
    const std::lock_guard lock(mutex_);
    return health_;
  }
  std::size_t turns() {
    const std::lock_guard lock(mutex_);
    return turns_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::uint64_t> tickets_;
  std::vector<std::pair<bool, Error>> health_;
  std::size_t turns_ = 0;
};

// Runs SQL on a file that nobody else has open; the first column of the first row, or "".
inline std::string testing_sql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  std::string answer;
  const auto keep = [](void* out, int, char** values, char**) {
    if (values[0] != nullptr) *static_cast<std::string*>(out) = values[0];
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), keep, &answer, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
  return answer;
}

inline bool says(const Error& error, const std::string& part) {
  return error.text.find(part) != std::string::npos;
}

// A directory with one log in it.
class LogTest : public testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_.file("raft.db");

  std::unique_ptr<SqliteLog> open(int max_pages = 0) {
    auto log = SqliteLog::open(path_, kCluster, max_pages);
    EXPECT_TRUE(log) << log.error().text;
    if (!log) return nullptr;
    const auto loaded = (*log)->load();
    EXPECT_TRUE(loaded) << loaded.error().text;
    return std::move(*log);
  }
  // Opens the file, has the jobs written and closes it.
  void write(std::vector<SqliteLog::Job> jobs) {
    Heard heard;
    auto log = open();
    for (SqliteLog::Job& job : jobs) log->submit(std::move(job));
    log->start(heard.callbacks());
    log.reset();
    EXPECT_EQ(heard.tickets().size(), jobs.size());
  }
  raft::Stored stored() {
    auto log = SqliteLog::open(path_, kCluster);
    EXPECT_TRUE(log) << log.error().text;
    if (!log) return {};
    auto result = (*log)->load();
    EXPECT_TRUE(result) << result.error().text;
    return result ? *result : raft::Stored{};
  }
  Error load_error() {
    auto log = SqliteLog::open(path_, kCluster);
    if (!log) return log.error();
    const auto result = (*log)->load();
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }
  void execute(const std::string& sql) { testing_sql(path_, sql); }
};

}  // namespace muster::failover
