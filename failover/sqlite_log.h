// What must a master not forget? Its term and vote, its log and its newest snapshot.
//
// A driver (SQLite, through base/sqlite_database.h) with one disk thread of its own. open(), load()
// and start() belong to the owner; submit() may be called by any thread and never blocks on the
// disk. It never says that something is durable before it is, and never drops a job while it lives.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/raft_types.h"
#include "base/sqlite_database.h"

namespace muster::failover {

class SqliteLog {
 public:
  struct SaveVote {
    raft::Term term = 0;
    MasterId voted_for = 0;
  };
  struct AppendEntries {  // drops every entry from `first` on, then writes these
    raft::Index first = 1;
    std::vector<raft::Entry> entries;
  };
  struct PutSnapshot {  // replaces the older one
    raft::SnapshotMeta meta;
    raft::Blob data;
    raft::Index keep_from = 0;  // entries below are dropped with it; 0: the whole log is
  };
  struct Job {
    std::uint64_t ticket = 0;  // the submitter's own name for it
    std::variant<SaveVote, AppendEntries, PutSnapshot> body;
  };

  // Both run on the disk thread and must not block. `on_durable` gets tickets in the order of
  // submit(). `on_health` tells only of changes: failing with the error that keeps the disk thread
  // from going on, or not failing (and an empty Error) after the first write that went through.
  struct Callbacks {
    std::function<void(std::vector<std::uint64_t>)> on_durable;
    std::function<void(bool, Error)> on_health;
  };

  // Opens or makes the file. `masters_text` is the configured list of masters for people,
  // `masters_digest` its digest: a file that began with another list is refused with Conflict and
  // both lists, because two lists can elect two coordinators. Other errors are those of
  // SqliteDatabase::open(). `max_pages` > 0 makes the disk full at that size (4 KiB each).
  [[nodiscard]] static Result<std::unique_ptr<SqliteLog>> open(const std::string& path,
                                                               std::uint64_t masters_digest,
                                                               const std::string& masters_text,
                                                               int max_pages = 0);

  // Lets the disk thread finish what was submitted if the disk allows it, gives the rest up, and
  // waits for the thread. Callbacks may come until it returns, none after.
  ~SqliteLog();
  SqliteLog(const SqliteLog&) = delete;
  SqliteLog& operator=(const SqliteLog&) = delete;

  // Everything that is stored, each row checked against its checksum. Pre: before start(). Fails
  // with DataLoss that names the first entry that cannot be trusted; changes nothing.
  [[nodiscard]] Result<raft::Stored> load();

  // Pre: once. Jobs submitted before are served first.
  void start(Callbacks callbacks);

  // Jobs take effect in the order of submit(). All that are waiting when the disk thread turns to
  // them go into one transaction, so one fsync. While the disk fails they wait and are tried again
  // every 250 ms.
  void submit(Job job);

 private:
  struct Statements {
    SqliteStatement save_vote;
    SqliteStatement drop_from;
    SqliteStatement insert_entry;
    SqliteStatement drop_below;
    SqliteStatement put_snapshot;
    SqliteStatement drop_servers;
    SqliteStatement insert_server;
  };

  SqliteDatabase database_;  // the owner until start(), then the disk thread
  std::uint64_t masters_digest_;
  std::string masters_text_;
  std::optional<Statements> statements_;
  Callbacks callbacks_;
  bool failing_ = false;  // the disk thread

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> queue_;  // under mutex_, as stopping_
  bool stopping_ = false;
  std::thread thread_;

  SqliteLog(SqliteDatabase database, std::uint64_t masters_digest, std::string masters_text)
      : database_(std::move(database)),
        masters_digest_(masters_digest),
        masters_text_(std::move(masters_text)) {}

  [[nodiscard]] Status check_masters();
  [[nodiscard]] Status begin_with_masters();
  [[nodiscard]] Status prepare();
  [[nodiscard]] Status load_vote(raft::Stored& stored);
  [[nodiscard]] Status load_snapshot(raft::Stored& stored);
  [[nodiscard]] Status load_entries(raft::Stored& stored);
  [[nodiscard]] tl::unexpected<Error> damaged(const std::string& what) const;

  void run();
  [[nodiscard]] bool write_or_report(const std::vector<Job>& jobs);
  [[nodiscard]] Status write(const SaveVote& vote);
  [[nodiscard]] Status write(const AppendEntries& append);
  [[nodiscard]] Status write(const PutSnapshot& snapshot);
};

}  // namespace muster::failover
