// What must a master not forget? Its term and vote, its log and its newest snapshot.
//
// A driver (SQLite, through failover/sqlite_log_store.h) with one disk thread of its own. open(),
// load() and start() belong to the owner; submit() may be called by any thread and never blocks on
// the disk. It never says that something is durable before it is, and never drops a job while it
// lives.
#pragma once

#include <chrono>
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
#include "failover/sqlite_log_store.h"

namespace muster::failover {

class SqliteLog {
 public:
  struct SaveVote {
    raft::Term term = 0;
    MasterId voted_for = 0;
    MasterId self = 0;  // whose log it is; 0: as it was
  };
  struct AppendEntries {  // drops every entry from `first` on, then writes these
    raft::Index first = 1;
    std::vector<raft::Entry> entries;
  };
  struct PutSnapshot {  // replaces the older one
    raft::SnapshotMeta meta;
    raft::Blob data;
    raft::Index keep_from = 0;  // entries below are dropped after it; 0: the whole log is, with it
  };
  struct Job {
    std::uint64_t ticket = 0;  // the submitter's own name for it
    std::variant<SaveVote, AppendEntries, PutSnapshot> body;
  };

  // Both run on the disk thread and must not block. `on_durable` gets tickets in the order of
  // submit(), but for those of snapshots with a `keep_from`: see submit(). `on_health` tells only
  // of changes: failing with the error that keeps the disk thread from going on, or not failing
  // (and an empty Error) after the first write that went through.
  struct Callbacks {
    std::function<void(std::vector<std::uint64_t>)> on_durable;
    std::function<void(bool, Error)> on_health;
  };

  // Opens or makes the file and its mark. Errors are those of SqliteLogStore::open(); Conflict when
  // the file is of another cluster. `max_pages` > 0 makes the disk full at that size (4 KiB each).
  [[nodiscard]] static Result<std::unique_ptr<SqliteLog>> open(const std::string& path,
                                                               const std::string& cluster,
                                                               int max_pages = 0);

  // Lets the disk thread finish what was submitted if the disk allows it, gives the rest up, and
  // waits for the thread. Callbacks may come until it returns, none after.
  ~SqliteLog();
  SqliteLog(const SqliteLog&) = delete;
  SqliteLog& operator=(const SqliteLog&) = delete;

  // Everything that is stored, if it is exactly what was last called durable (a write that was
  // never called so may be there too). Pre: before start(). Otherwise fails with DataLoss that
  // names the first thing that cannot be trusted; changes nothing.
  [[nodiscard]] Result<raft::Stored> load();

  // Pre: once, after a good load(). Jobs submitted before are served first.
  void start(Callbacks callbacks);

  // Jobs take effect in the order of submit(). All that are waiting when the disk thread turns to
  // them go into one transaction, so one fsync. While the disk fails they wait and are tried again
  // every 250 ms. The mark that tells of the writes is on the disk too a second after the first
  // of them, if no turn takes longer. A snapshot is written in pieces of 1 MiB and counts when all
  // are there. One with a `keep_from` lets the jobs behind it pass meanwhile, whatever its size,
  // and a newer one may take its place before it is there.
  void submit(Job job);

 private:
  // A snapshot on its way to the disk, piece by piece.
  struct Staging {
    PutSnapshot snapshot;
    std::vector<std::uint64_t> tickets;  // with those of snapshots that it took the place of
    bool begun = false;
    std::size_t staged = 0;  // bytes
  };

  std::unique_ptr<SqliteLogStore> store_;  // the owner until start(), then the disk thread
  Callbacks callbacks_;

  // The disk thread's own.
  bool failing_ = false;
  std::vector<Job> jobs_;           // taken from the queue, in order; no own snapshots
  std::optional<Staging> install_;  // of the first job
  std::optional<Staging> own_;      // with a keep_from
  std::optional<Staging> next_;     // the one behind it
  bool unclean_ = true;             // something may be left to be cleaned away
  raft::Index keep_from_ = 0;
  std::optional<std::chrono::steady_clock::time_point> sync_mark_at_;  // none: it is synced

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> queue_;  // under mutex_, as stopping_
  bool stopping_ = false;
  std::thread thread_;

  explicit SqliteLog(std::unique_ptr<SqliteLogStore> store) : store_(std::move(store)) {}

  void run();
  void take(std::vector<Job> jobs);
  [[nodiscard]] bool owes() const { return !jobs_.empty() || own_; }
  [[nodiscard]] bool turn();
  [[nodiscard]] Status write_jobs();
  [[nodiscard]] Status install();
  [[nodiscard]] Status keep_own();
  [[nodiscard]] Result<bool> advance(Staging& staging);
  void finish(Staging staging);
  [[nodiscard]] Status clean();
  [[nodiscard]] Status keep_mark();
};

}  // namespace muster::failover
