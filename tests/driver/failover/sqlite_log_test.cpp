#include "failover/sqlite_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/driver/temp_dir.h"

namespace muster::failover {
namespace {

constexpr std::uint64_t kDigest = 77;
constexpr const char* kMasters = "n1=127.0.0.1:1, n2=127.0.0.1:2, n3=127.0.0.1:3";

raft::Entry entry(raft::Term term, const std::string& data,
                  raft::EntryType type = raft::EntryType::Command) {
  return {term, type, std::make_shared<const std::string>(data)};
}

SqliteLog::Job append(std::uint64_t ticket, raft::Index first, std::vector<raft::Entry> entries) {
  return {ticket, SqliteLog::AppendEntries{first, std::move(entries)}};
}

SqliteLog::Job snapshot(std::uint64_t ticket, raft::Index index, raft::Index keep_from) {
  raft::SnapshotMeta meta{index, 2, 1, {{11, "127.0.0.1:1", true}, {12, "127.0.0.1:2", false}}};
  return {ticket, SqliteLog::PutSnapshot{meta, std::make_shared<const std::string>("the state"),
                                         keep_from}};
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

class SqliteLogTest : public testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_.file("raft.db");

  std::unique_ptr<SqliteLog> open(int max_pages = 0) {
    auto log = SqliteLog::open(path_, kDigest, kMasters, max_pages);
    EXPECT_TRUE(log) << log.error().text;
    return log ? std::move(*log) : nullptr;
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
    auto result = open()->load();
    EXPECT_TRUE(result) << result.error().text;
    return result ? *result : raft::Stored{};
  }
  Error load_error() {
    auto log = SqliteLog::open(path_, kDigest, kMasters);
    if (!log) return log.error();
    const auto result = (*log)->load();
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }
  void execute(const std::string& sql) {
    auto database = SqliteDatabase::open(
        {.path = path_, .what = "it", .application_id = 0x6d757267, .version = 1, .schema = ""});
    ASSERT_TRUE(database) << database.error().text;
    ASSERT_TRUE(database->execute(sql));
  }
};

bool says(const Error& error, const std::string& part) {
  return error.text.find(part) != std::string::npos;
}

TEST_F(SqliteLogTest, ANewFileHoldsNothing) {
  const raft::Stored found = stored();
  EXPECT_EQ(found.term, 0U);
  EXPECT_EQ(found.snapshot.index, 0U);
  EXPECT_EQ(found.snapshot_data, nullptr);
  EXPECT_EQ(found.first, 1U);
  EXPECT_TRUE(found.entries.empty());
}

TEST_F(SqliteLogTest, FindsVoteAndEntriesAgain) {
  write({{1, SqliteLog::SaveVote{3, ~MasterId{0}}},
         append(2, 1, {entry(1, "conf", raft::EntryType::Change), entry(3, "")}),
         append(3, 3, {entry(3, std::string("a\0b", 3), raft::EntryType::Barrier)})});
  const raft::Stored found = stored();
  EXPECT_EQ(found.term, 3U);
  EXPECT_EQ(found.voted_for, ~MasterId{0});
  ASSERT_EQ(found.entries.size(), 3U);
  EXPECT_EQ(found.entries[0].type, raft::EntryType::Change);
  EXPECT_EQ(*found.entries[1].data, "");
  EXPECT_EQ(found.entries[2].term, 3U);
  EXPECT_EQ(*found.entries[2].data, std::string("a\0b", 3));
}

TEST_F(SqliteLogTest, AppendingDropsWhatWasThereBefore) {
  write({append(1, 1, {entry(1, "a"), entry(1, "b"), entry(1, "c")})});
  write({append(2, 2, {entry(2, "B")})});
  const raft::Stored found = stored();
  ASSERT_EQ(found.entries.size(), 2U);
  EXPECT_EQ(*found.entries[1].data, "B");
}

TEST_F(SqliteLogTest, ASnapshotKeepsTheEntriesThatItIsToldToKeep) {
  write({append(1, 1, {entry(1, "a"), entry(1, "b"), entry(1, "c"), entry(2, "d")}),
         snapshot(2, 3, 2)});
  const raft::Stored found = stored();
  EXPECT_EQ(found.snapshot.index, 3U);
  EXPECT_EQ(found.snapshot.configuration,
            (std::vector<raft::Server>{{11, "127.0.0.1:1", true}, {12, "127.0.0.1:2", false}}));
  EXPECT_EQ(*found.snapshot_data, "the state");
  EXPECT_EQ(found.first, 2U);
  ASSERT_EQ(found.entries.size(), 3U);
  EXPECT_EQ(*found.entries[0].data, "b");
}

TEST_F(SqliteLogTest, AnInstalledSnapshotReplacesTheWholeLog) {
  write({append(1, 1, {entry(1, "a"), entry(1, "b")}), snapshot(2, 2, 0), snapshot(3, 90, 0)});
  raft::Stored found = stored();
  EXPECT_EQ(found.snapshot.index, 90U);
  EXPECT_EQ(found.first, 91U);
  EXPECT_TRUE(found.entries.empty());
  write({append(4, 91, {entry(2, "next")})});
  found = stored();
  EXPECT_EQ(found.first, 91U);
  EXPECT_EQ(found.entries.size(), 1U);
}

TEST_F(SqliteLogTest, ManyJobsInOneTurnAreDurableInTheirOrder) {
  Heard heard;
  auto log = open();
  std::vector<std::uint64_t> wanted;
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    log->submit(append(i + 5000, i, {entry(1, "entry " + std::to_string(i))}));
    wanted.push_back(i + 5000);
  }
  log->start(heard.callbacks());
  ASSERT_TRUE(eventually([&] { return heard.tickets().size() == wanted.size(); }));
  EXPECT_EQ(heard.tickets(), wanted);
  EXPECT_EQ(heard.turns(), 1U);  // one transaction
  EXPECT_TRUE(heard.health().empty());
  log.reset();
  EXPECT_EQ(stored().entries.size(), 1000U);
}

TEST_F(SqliteLogTest, ReportsAFullDiskAndNeverSuccess) {
  Heard heard;
  {
    auto log = open(32);
    log->start(heard.callbacks());
    log->submit(append(1, 1, {entry(1, "fits")}));
    ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 1; }));
    log->submit({2, SqliteLog::SaveVote{9, 9}});
    log->submit(append(3, 2, {entry(1, std::string(1 << 20, 'x'))}));
    ASSERT_TRUE(eventually([&] { return !heard.health().empty(); }));
    log->submit({4, SqliteLog::SaveVote{10, 9}});
  }
  ASSERT_EQ(heard.health().size(), 1U);
  EXPECT_TRUE(heard.health()[0].first);
  EXPECT_EQ(heard.health()[0].second.code, Code::Exhausted) << heard.health()[0].second.text;
  for (const std::uint64_t ticket : heard.tickets()) EXPECT_LE(ticket, 2U);
  const raft::Stored found = stored();
  ASSERT_EQ(found.entries.size(), 1U);
  EXPECT_EQ(*found.entries[0].data, "fits");
  EXPECT_EQ(found.term, heard.tickets().size() == 2 ? 9U : 0U);
}

TEST_F(SqliteLogTest, GoesOnByItselfWhenTheDiskWorksAgain) {
  Heard heard;
  auto log = open();
  log->start(heard.callbacks());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{256 * 1024, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  log->submit(append(1, 1, {entry(1, std::string(1 << 20, 'x'))}));
  log->submit(append(2, 2, {entry(1, "after it")}));
  const bool failed = eventually([&] { return !heard.health().empty(); });
  const bool silent = heard.tickets().empty();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_TRUE(failed && silent);
  ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 2; }));
  ASSERT_EQ(heard.health().size(), 2U);
  EXPECT_TRUE(heard.health()[0].first);
  EXPECT_FALSE(heard.health()[1].first);
  log.reset();
  EXPECT_EQ(stored().entries.size(), 2U);
}

// A child writes and is killed in the midst of it: what it called durable must be there.
TEST_F(SqliteLogTest, WhatWasCalledDurableSurvivesSigkill) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto log = SqliteLog::open(path_, kDigest, kMasters);
    if (!log) _exit(1);
    (*log)->start({[&](std::vector<std::uint64_t> tickets) {
                     const ssize_t written = ::write(ends[1], &tickets.back(), 8);
                     if (written != 8) _exit(2);
                   },
                   [](bool, Error) {}});
    for (std::uint64_t i = 1;; ++i) {
      (*log)->submit(append(i, i, {entry(1, "entry " + std::to_string(i))}));
      if (i % 64 == 0) usleep(100);
    }
  }
  close(ends[1]);
  std::uint64_t durable = 0;
  while (durable < 500 && ::read(ends[0], &durable, 8) == 8) continue;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while (::read(ends[0], &durable, 8) == 8) continue;
  close(ends[0]);
  ASSERT_GE(durable, 500U);
  const raft::Stored found = stored();
  ASSERT_GE(found.entries.size(), durable);
  EXPECT_EQ(*found.entries[durable - 1].data, "entry " + std::to_string(durable));
}

TEST_F(SqliteLogTest, RefusesADirectoryThatBeganWithOtherMasters) {
  write({{1, SqliteLog::SaveVote{3, 1}}});
  const auto log = SqliteLog::open(path_, kDigest + 1, "n1=127.0.0.1:1, n9=127.0.0.1:9");
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Code::Conflict);
  EXPECT_TRUE(says(log.error(), kMasters)) << log.error().text;
  EXPECT_TRUE(says(log.error(), "n9=127.0.0.1:9")) << log.error().text;
  EXPECT_TRUE(says(log.error(), path_)) << log.error().text;
  EXPECT_EQ(stored().term, 3U);
}

TEST_F(SqliteLogTest, NamesTheEntryThatLostABit) {
  write({append(1, 1, {entry(1, "first"), entry(1, "a needle in it"), entry(1, "last")})});
  std::string bytes = read_file(path_);
  const auto at = bytes.find("a needle in it");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file(path_, bytes);
  const Error error = load_error();
  EXPECT_EQ(error.code, Code::DataLoss);
  EXPECT_TRUE(says(error, "entry 2") && says(error, path_) && says(error, "move it away"))
      << error.text;
}

TEST_F(SqliteLogTest, NamesASnapshotThatLostABit) {
  write({snapshot(1, 90, 0)});
  std::string bytes = read_file(path_);
  const auto at = bytes.find("the state");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file(path_, bytes);
  EXPECT_TRUE(says(load_error(), "the snapshot at index 90"));
}

TEST_F(SqliteLogTest, NoticesAChangedVote) {
  write({{1, SqliteLog::SaveVote{3, 1}}});
  execute("UPDATE state SET voted_for = 2");
  EXPECT_EQ(load_error().code, Code::DataLoss);
}

TEST_F(SqliteLogTest, NoticesAMissingEntry) {
  write({append(1, 1, {entry(1, "a"), entry(1, "b"), entry(1, "c")})});
  execute("DELETE FROM entries WHERE idx = 2");
  EXPECT_TRUE(says(load_error(), "entry 2 is missing"));
  execute("DELETE FROM entries WHERE idx = 1");
  EXPECT_TRUE(says(load_error(), "entry 1 is missing"));
}

TEST_F(SqliteLogTest, NoticesAMissingVote) {
  write({append(1, 1, {entry(1, "a")})});
  execute("DELETE FROM state");
  EXPECT_EQ(load_error().code, Code::DataLoss);
}

TEST_F(SqliteLogTest, RefusesAFileThatWasCutOrOverwritten) {
  write({append(1, 1, std::vector<raft::Entry>(300, entry(1, std::string(200, 'e'))))});
  const std::string whole = read_file(path_);
  write_file(path_, whole.substr(0, whole.size() / 2));
  EXPECT_EQ(load_error().code, Code::DataLoss);
  write_file(path_, std::string(whole.size(), '\0'));
  EXPECT_EQ(load_error().code, Code::DataLoss);
}

}  // namespace
}  // namespace muster::failover
