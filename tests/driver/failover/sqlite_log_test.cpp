#include "failover/sqlite_log.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/driver/failover/log_fixture.h"

namespace muster::failover {
namespace {

using SqliteLogTest = LogTest;

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
  ASSERT_TRUE(eventually([&] { return heard.health().size() == 2; }));
  EXPECT_EQ(heard.tickets().size(), 2U);
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
    auto log = SqliteLog::open(path_, kCluster);
    if (!log || !(*log)->load()) _exit(1);
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

TEST_F(SqliteLogTest, ASnapshotOfManyPiecesComesBackWhole) {
  for (const std::size_t bytes : {kPieceBytes * 3 + 17, kPieceBytes * 2, std::size_t{0}}) {
    const std::string data = much(bytes);
    write({snapshot(1, 90 + bytes, 0, data)});
    EXPECT_EQ(*stored().snapshot_data, data);
  }
}

TEST_F(SqliteLogTest, AppendsPassALargeSnapshot) {
  Heard heard;
  auto log = open();
  log->start(heard.callbacks());
  log->submit(append(1, 1, {entry(2, "a"), entry(2, "b")}));
  log->submit(snapshot(2, 2, 1, much(kPieceBytes * 20)));
  for (std::uint64_t i = 3; i <= 12; ++i) {
    log->submit(append(i, i, {entry(2, "entry " + std::to_string(i))}));
    ASSERT_TRUE(eventually([&] { return heard.tickets().size() == i - 1; }));
  }
  EXPECT_EQ(heard.tickets().back(), 12U);  // the snapshot is not there yet
  log.reset();
  EXPECT_EQ(heard.tickets().back(), 2U);
  const raft::Stored found = stored();
  EXPECT_EQ(*found.snapshot_data, much(kPieceBytes * 20));
  EXPECT_EQ(found.entries.size(), 12U);
}

TEST_F(SqliteLogTest, NothingPassesAnInstalledSnapshot) {
  Heard heard;
  auto log = open();
  log->submit(append(1, 1, {entry(1, "gone")}));
  log->submit(snapshot(2, 50, 0, much(kPieceBytes * 3)));
  log->submit(append(3, 51, {entry(3, "stands on it")}));
  log->start(heard.callbacks());
  log.reset();
  EXPECT_EQ(heard.tickets(), (std::vector<std::uint64_t>{1, 2, 3}));
  const raft::Stored found = stored();
  EXPECT_EQ(found.first, 51U);
  EXPECT_EQ(found.entries.size(), 1U);
}

TEST_F(SqliteLogTest, AnOwnSnapshotDoesNotUndoAnInstalledOne) {
  write({append(1, 1, {entry(2, "a"), entry(2, "b")}), snapshot(2, 2, 1, much(kPieceBytes * 3)),
         snapshot(3, 50, 0, "installed")});
  const raft::Stored found = stored();
  EXPECT_EQ(found.snapshot.index, 50U);
  EXPECT_EQ(*found.snapshot_data, "installed");
}

TEST_F(SqliteLogTest, ANewerSnapshotTakesThePlaceOfOneThatWaits) {
  Heard heard;
  auto log = open();
  log->submit(append(1, 1, std::vector<raft::Entry>(9, entry(2, "e"))));
  for (std::uint64_t i = 2; i <= 6; ++i) log->submit(snapshot(i, i, i, much(i * 1000)));
  log->start(heard.callbacks());
  log.reset();
  EXPECT_EQ(heard.tickets(), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(*stored().snapshot_data, much(6000));
  EXPECT_EQ(stored().snapshot.index, 6U);
}

TEST_F(SqliteLogTest, BeginsAnewWithASnapshotInThePlaceOfEverything) {
  write({{1, SqliteLog::SaveVote{3, 12}}, append(2, 1, {entry(2, "a"), entry(3, "b")})});
  const std::string data = much(kPieceBytes + 10);
  const raft::SnapshotMeta meta{1'000'002, 1003, 1'000'002, {{11, "127.0.0.1:1", true}}};
  {
    auto store = SqliteLogStore::open({path_, kCluster});
    ASSERT_TRUE(store && (*store)->load());
    ASSERT_TRUE((*store)->begin_anew(1003, 11, meta, data));
  }
  const raft::Stored found = stored();
  EXPECT_EQ(found.term, 1003U);
  EXPECT_EQ(found.voted_for, 11U);
  EXPECT_EQ(found.snapshot, meta);
  EXPECT_EQ(*found.snapshot_data, data);
  EXPECT_TRUE(found.entries.empty());
}

TEST_F(SqliteLogTest, RemovesWhatAnInterruptedSnapshotLeft) {
  write({append(1, 1, {entry(2, "a"), entry(2, "b")}), snapshot(2, 1, 1, "the first")});
  {
    auto store = SqliteLogStore::open({path_, kCluster});
    ASSERT_TRUE(store && (*store)->load());
    (*store)->begin_stage();
    ASSERT_TRUE((*store)->stage(much(kPieceBytes)));
    ASSERT_TRUE((*store)->stage(much(kPieceBytes)));
  }
  EXPECT_EQ(testing_sql(path_, "SELECT count(*) FROM pieces"), "3");
  EXPECT_EQ(*stored().snapshot_data, "the first");
  auto log = open();
  Heard heard;
  log->start(heard.callbacks());
  log->submit(snapshot(3, 2, 1, "the second"));  // it begins when the rest is away
  ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 1; }));
  log.reset();
  write({snapshot(4, 2, 1, "the third"), snapshot(5, 2, 1, "the fourth")});
  EXPECT_EQ(*stored().snapshot_data, "the second");  // of the same index: nothing new
  EXPECT_EQ(testing_sql(path_, "SELECT count(*) FROM pieces"), "1");
}

TEST_F(SqliteLogTest, RefusesADirectoryOfAnotherCluster) {
  write({{1, SqliteLog::SaveVote{3, 1}}});
  const auto log = SqliteLog::open(path_, "staging");
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Code::Conflict);
  EXPECT_TRUE(says(log.error(), "belongs to cluster prod")) << log.error().text;
  EXPECT_TRUE(says(log.error(), "cluster staging")) << log.error().text;
  EXPECT_TRUE(says(log.error(), path_)) << log.error().text;
  EXPECT_EQ(stored().term, 3U);
}

TEST_F(SqliteLogTest, ARetiredLogDoesNotCountAnyMore) {
  write({{1, SqliteLog::SaveVote{3, 1}}});
  EXPECT_FALSE(was_retired(path_));
  // Cut off in the midst of it: the first file is gone, the others are not.
  std::filesystem::rename(path_, path_ + ".retired");
  EXPECT_TRUE(was_retired(path_));
  ASSERT_TRUE(retire_log(path_));
  EXPECT_TRUE(was_retired(path_));
  EXPECT_FALSE(std::filesystem::exists(path_ + "-mark"));
  EXPECT_EQ(stored().term, 0U);  // a new one
  EXPECT_FALSE(was_retired(path_));
  ASSERT_TRUE(retire_log(path_));
  std::filesystem::rename(path_ + ".retired-mark", path_ + "-mark");
  EXPECT_EQ(stored().term, 0U);  // opening finishes what was cut off
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
  EXPECT_TRUE(says(error, "entry 2") && says(error, path_) && says(error, "join again"))
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

// Copies of what lies on the disk while the log is open, as a crash would leave it.
struct Copy {
  std::string database;
  std::string ahead;
  std::string mark;
  explicit Copy(const std::string& path)
      : database(read_file(path)),
        ahead(read_file(path + "-wal")),
        mark(read_file(path + "-mark")) {}
  void put(const std::string& path) const {
    write_file(path, database);
    write_file(path + "-wal", ahead);
    write_file(path + "-mark", mark);
  }
};

TEST_F(SqliteLogTest, NoticesThatTheWriteAheadLogIsGoneCutOrDamaged) {
  Heard heard;
  auto log = open();
  log->start(heard.callbacks());
  log->submit({1, SqliteLog::SaveVote{3, 1}});
  ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 1; }));
  log->submit(append(2, 1, {entry(1, "a")}));
  ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 2; }));
  const Copy whole(path_);
  log.reset();

  whole.put(path_);
  EXPECT_EQ(stored().entries.size(), 1U);

  Copy gone = whole;
  gone.ahead.clear();
  gone.put(path_);
  EXPECT_TRUE(says(load_error(), "durable writes are not in it")) << load_error().text;
  gone.put(path_);
  std::filesystem::remove(path_ + "-wal");
  EXPECT_TRUE(says(load_error(), "durable writes are not in it")) << load_error().text;

  Copy cut = whole;
  cut.ahead.resize(cut.ahead.size() - 100);
  cut.put(path_);
  EXPECT_TRUE(says(load_error(), "the last 1 durable writes")) << load_error().text;
  EXPECT_TRUE(read_file(path_ + "-wal") == cut.ahead);  // nothing was changed

  Copy flipped = whole;
  flipped.ahead[flipped.ahead.size() - 100] ^= 1;
  flipped.put(path_);
  EXPECT_TRUE(says(load_error(), "the last 1 durable writes")) << load_error().text;
  EXPECT_TRUE(says(load_error(), "muster masters remove")) << load_error().text;
}

TEST_F(SqliteLogTest, TakesAWriteThatWasNeverCalledDurableAsItIs) {
  write({append(1, 1, {entry(1, "a")})});
  const std::string before = read_file(path_ + "-mark");
  write({append(2, 2, {entry(1, "b")})});
  write_file(path_ + "-mark", before);  // killed before the mark was made
  EXPECT_EQ(stored().entries.size(), 2U);
}

TEST_F(SqliteLogTest, NoticesAnOlderCopyOfItself) {
  write({{1, SqliteLog::SaveVote{3, 1}}});
  const std::string old = read_file(path_);
  write({{2, SqliteLog::SaveVote{4, 2}}});
  write_file(path_, old);
  EXPECT_TRUE(says(load_error(), "an older copy took its place")) << load_error().text;
}

TEST_F(SqliteLogTest, NoticesThatOneOfItsFilesIsMissing) {
  write({{1, SqliteLog::SaveVote{3, 1}}});
  const Copy whole(path_);
  std::filesystem::remove(path_);
  EXPECT_TRUE(says(load_error(), "it is missing, but")) << load_error().text;
  EXPECT_FALSE(std::filesystem::exists(path_));
  whole.put(path_);
  std::filesystem::remove(path_ + "-mark");
  EXPECT_TRUE(says(load_error(), "-mark, which says how much was written, is missing"))
      << load_error().text;
  EXPECT_FALSE(std::filesystem::exists(path_ + "-mark"));
  write_file(path_ + "-mark", "");
  EXPECT_TRUE(says(load_error(), "neither of its two marks")) << load_error().text;
}

TEST_F(SqliteLogTest, NoticesThatTheLastEntriesAreMissing) {
  write({append(1, 1, {entry(1, "a"), entry(1, "b")}), {2, SqliteLog::SaveVote{3, 1}}});
  execute("DELETE FROM entries WHERE idx = 2");
  EXPECT_TRUE(says(load_error(), "ends at entry 1, but entry 2 was the last one"))
      << load_error().text;
}

TEST_F(SqliteLogTest, RefusesTablesThatAreNotItsOwn) {
  write({{1, SqliteLog::SaveVote{3, 1}}});
  execute("CREATE INDEX surprise ON entries(term)");
  EXPECT_TRUE(says(load_error(), "its tables are not those of format 3")) << load_error().text;
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
