// Does the log keep its word when the disk or the power fails, whenever that happens?
#include <map>

#include "tests/driver/failover/failing_disk.h"
#include "tests/driver/failover/log_fixture.h"

namespace muster::failover {
namespace {

std::vector<SqliteLog::Job> script() {
  std::vector<SqliteLog::Job> jobs;
  std::uint64_t ticket = 0;
  const auto add = [&](SqliteLog::Job job) {
    job.ticket = ++ticket;
    jobs.push_back(std::move(job));
  };
  add({0, SqliteLog::SaveVote{2, 11}});
  add(append(0, 1, {entry(2, "one"), entry(2, much(6000)), entry(2, "three")}));
  add(append(0, 3, {entry(2, "another three"), entry(2, "four")}));
  add(snapshot(0, 3, 2, much(9000)));
  add({0, SqliteLog::SaveVote{3, 0}});
  add(append(0, 5, {entry(3, much(20000))}));
  add(append(0, 4, {}));  // only cuts
  add(snapshot(0, 50, 0, much(12000)));
  add(append(0, 51, {entry(3, "behind it")}));
  add(snapshot(0, 51, 51, much(3000)));
  add({0, SqliteLog::SaveVote{4, 12}});
  return jobs;
}

// What must be found after the first `count` jobs.
raft::Stored after(std::size_t count) {
  raft::Stored state;
  const std::vector<SqliteLog::Job> jobs = script();
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto* vote = std::get_if<SqliteLog::SaveVote>(&jobs[i].body)) {
      state.term = vote->term;
      state.voted_for = vote->voted_for;
    } else if (const auto* add = std::get_if<SqliteLog::AppendEntries>(&jobs[i].body)) {
      state.entries.resize(add->first - state.first);
      state.entries.insert(state.entries.end(), add->entries.begin(), add->entries.end());
    } else if (const auto* put = std::get_if<SqliteLog::PutSnapshot>(&jobs[i].body)) {
      state.snapshot = put->meta;
      state.snapshot_data = put->data;
      const raft::Index from = put->keep_from == 0 ? put->meta.index + 1 : put->keep_from;
      if (put->keep_from == 0) state.entries.clear();
      if (put->keep_from != 0) {
        state.entries.erase(state.entries.begin(),
                            state.entries.begin() + static_cast<long>(from - state.first));
      }
      state.first = from;
    }
  }
  return state;
}

// Entries below what was to be kept may not be cleaned away yet.
bool same(const raft::Stored& found, const raft::Stored& wanted) {
  if (found.term != wanted.term || found.voted_for != wanted.voted_for ||
      found.snapshot != wanted.snapshot ||
      !raft::same_bytes(found.snapshot_data, wanted.snapshot_data) || found.first > wanted.first) {
    return false;
  }
  std::vector<raft::Entry> entries = found.entries;
  const std::size_t extra = std::min<std::size_t>(wanted.first - found.first, entries.size());
  entries.erase(entries.begin(), entries.begin() + static_cast<long>(extra));
  return entries == wanted.entries;
}

class LogFaultTest : public LogTest {
 protected:
  std::uint64_t acknowledged_ = 0;
  std::vector<std::pair<bool, Error>> health_;

  // Hands the jobs in one by one until all are durable or the disk fails.
  void play(bool wait_for_recovery) {
    acknowledged_ = 0;
    health_.clear();
    Heard heard;
    auto log = SqliteLog::open(path_, kCluster);
    if (!log || !(*log)->load()) return;
    (*log)->start(heard.callbacks());
    for (SqliteLog::Job& job : script()) {
      const std::uint64_t ticket = job.ticket;
      (*log)->submit(std::move(job));
      ASSERT_TRUE(eventually([&] {
        return heard.tickets().size() == ticket || (!wait_for_recovery && !heard.health().empty());
      }));
      if (heard.tickets().size() != ticket) break;
    }
    log->reset();
    acknowledged_ = heard.tickets().size();
    health_ = heard.health();
  }
  void remove_files() {
    for (const char* end : {"", "-wal", "-mark", "-journal"}) {
      std::filesystem::remove(path_ + end);
    }
  }
  // Opens it as the next process does, on a disk that works.
  void check(const std::string& what) {
    auto log = SqliteLog::open(path_, kCluster);
    ASSERT_TRUE(log) << what << ": " << log.error().text;
    const auto found = (*log)->load();
    ASSERT_TRUE(found) << what << ": " << found.error().text;
    EXPECT_TRUE(same(*found, after(acknowledged_)) ||
                (acknowledged_ < script().size() && same(*found, after(acknowledged_ + 1))))
        << what << ": " << acknowledged_ << " jobs were called durable";
  }
};

TEST_F(LogFaultTest, WhateverCallFailsItGoesOnByItselfAndLosesNothing) {
  std::uint64_t calls = 0;
  {
    FailingDisk disk;
    play(true);
    calls = disk.calls();
    EXPECT_EQ(acknowledged_, script().size());
    check("no failure");
  }
  ASSERT_GT(calls, 60U);
  std::size_t told = 0;
  for (std::uint64_t call = 0; call < calls; call += 17) {
    for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE}) {
      remove_files();
      FailingDisk disk;
      disk.fail(call, 1, code);
      play(true);
      // While it is being opened a failure is final; afterwards none is.
      if (acknowledged_ == 0) continue;
      ASSERT_EQ(acknowledged_, script().size()) << "call " << call;
      if (!health_.empty()) {
        ++told;
        EXPECT_TRUE(health_.front().first);
        EXPECT_FALSE(health_.back().first);
        EXPECT_EQ(health_.front().second.code,
                  code == SQLITE_FULL ? Code::Exhausted : Code::Internal);
      }
      check("a failure of call " + std::to_string(call));
    }
  }
  EXPECT_GT(told, 2U);
}

TEST_F(LogFaultTest, APowerCutAtAnyMomentLosesNothingThatWasCalledDurable) {
  std::uint64_t calls = 0;
  {
    FailingDisk disk;
    play(true);
    calls = disk.calls();
  }
  std::size_t cut_short = 0;
  for (std::uint64_t call = 0; call < calls; call += 3) {
    remove_files();
    {
      FailingDisk disk;
      disk.fail(call, ~std::uint64_t{0} / 2, SQLITE_IOERR);
      play(false);
      disk.cut_power(call);
    }
    // Before its first write returns the file may be nothing, and is refused as such.
    if (acknowledged_ == 0) continue;
    if (acknowledged_ < script().size()) ++cut_short;
    check("a power cut at call " + std::to_string(call));
    if (HasFailure()) return;
  }
  EXPECT_GT(cut_short, 15U);
}

}  // namespace
}  // namespace muster::failover
