// Is what a master has on its disk still what it once called durable?
//
// A driver (SQLite) over consensus.db and the mark beside it, without a thread of its own: every
// call may block on the disk. One object belongs to one thread at a time. It changes nothing in
// files that it refuses.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/raft_types.h"
#include "base/sqlite_database.h"
#include "failover/posix_mark_file.h"
#include "failover/sqlite_log_rows.h"

namespace muster::failover {

struct LogPlace {
  std::string path;     // the mark is `path`-mark
  std::string cluster;  // a file of another one is refused with Conflict and both names
  int max_pages = 0;    // > 0: the disk counts as full at this size (4 KiB each)
};

// Puts the files of a master that was removed aside, as `path`.retired*, so that it does not vote
// any more; its older ones are replaced. Pre: nobody has them open. Errors name the file.
[[nodiscard]] Status retire_log(const std::string& path);
// True when that was done and no new file was made since.
[[nodiscard]] bool was_retired(const std::string& path);

class SqliteLogStore {
 public:
  // Opens or makes both files, and brings a file of an older version to the present one. Errors
  // are those of SqliteDatabase::open(); DataLoss also when one of the files is missing.
  [[nodiscard]] static Result<std::unique_ptr<SqliteLogStore>> open(LogPlace place);
  ~SqliteLogStore();
  SqliteLogStore(const SqliteLogStore&) = delete;
  SqliteLogStore& operator=(const SqliteLogStore&) = delete;

  // Everything, if it is exactly what was last called durable, or later writes too. Otherwise
  // DataLoss names the first thing that cannot be trusted and how this master joins again.
  [[nodiscard]] Result<raft::Stored> load();

  // All that `body` writes by the functions below is durable when this returns, or nothing is and
  // the error says why; then it may be tried again. Pre: load() was good.
  [[nodiscard]] Status commit(const std::function<Status()>& body);
  [[nodiscard]] Status save_vote(raft::Term term, MasterId voted_for, MasterId self = 0);
  [[nodiscard]] Status append(raft::Index first, const std::vector<raft::Entry>& entries);
  // The staged pieces become the snapshot. `whole`: the log is replaced by it, otherwise its
  // entries stay until they are cleaned away. Pre: begin_stage() and all pieces before it.
  [[nodiscard]] Status flip(const raft::SnapshotMeta& meta, bool whole);

  // Outside of commit(), each in a transaction of its own that nothing depends on. The first one
  // gives up what was staged and not flipped.
  void begin_stage();
  [[nodiscard]] Status stage(std::string_view piece);  // at most kPieceBytes; in their order
  // Removes some of the entries below both `keep_from` and the snapshot's end, and some pieces
  // that no snapshot has. False: there was nothing left to remove.
  [[nodiscard]] Result<bool> clean(raft::Index keep_from);

  // After a power cut load() misses the writes before the last of these for certain, if they are
  // gone; those after it only if the mark had reached the disk by itself. commit() alone is as
  // durable without: this is about damage that comes on top of the power cut.
  [[nodiscard]] Status sync_mark() { return mark_.sync(); }
  [[nodiscard]] bool is_mark_synced() const { return mark_.is_synced(); }

  // Everything that is there gives way to this snapshot, in one transaction: the beginning of a
  // cluster whose only master is `self`. Pre: load() was good.
  [[nodiscard]] Status begin_anew(raft::Term term, MasterId self, const raft::SnapshotMeta& meta,
                                  std::string_view data);

  [[nodiscard]] raft::Index snapshot_index() const { return now_.snapshot; }
  [[nodiscard]] const std::string& path() const { return database_.path(); }

 private:
  struct Stage {
    std::uint64_t generation = 0;
    std::uint64_t pieces = 0;
    std::uint64_t bytes = 0;
    std::uint64_t sum = kFnvOffset;
  };

  SqliteDatabase database_;
  LogPlace place_;
  PosixMarkFile mark_;
  std::optional<LogRows> rows_;
  bool loaded_ = false;
  // What the file holds, with the writes of an unfinished commit().
  DurableMark now_;
  MasterId self_ = 0;          // whose log it is; 0: not written down yet
  bool entries_tell_ = false;  // the number of this write is on the last entry
  bool others_tell_ = false;   // it is on the vote or on the snapshot
  std::uint64_t snapshot_generation_ = 0;
  std::uint64_t newest_generation_ = 0;
  std::optional<Stage> stage_;

  SqliteLogStore(SqliteDatabase database, LogPlace place, PosixMarkFile mark)
      : database_(std::move(database)), place_(std::move(place)), mark_(std::move(mark)) {}

  [[nodiscard]] Status check_cluster();
  [[nodiscard]] Status begin();
  [[nodiscard]] Result<raft::Stored> read();
  [[nodiscard]] Status compare(const DurableMark& found) const;
  [[nodiscard]] Status put_state();
};

}  // namespace muster::failover
