#include "failover/sqlite_log_store.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "failover/sqlite_log_format1.h"
#include "failover/sqlite_log_format2.h"

namespace muster::failover {
namespace {

constexpr int kEntriesPerSlice = 64;
constexpr int kPiecesPerSlice = 2;

std::string mark_path(const std::string& path) { return path + "-mark"; }

// The only way that is safe: whoever forgot a vote or an entry must not be counted any more.
std::string rejoin(const std::string& path) {
  return "this master will neither serve nor vote: remove it from the masters on another one "
         "(muster masters remove), delete " +
         path + "* here and join again; when no other master is left, restore a snapshot";
}

tl::unexpected<Error> damaged(const std::string& path, const std::string& what) {
  return fail(Code::DataLoss, "the raft log " + path + " cannot be trusted: " + what +
                                  "; nothing was changed; " + rejoin(path));
}

// Names the file and the way out where `error` is about rows only.
tl::unexpected<Error> named(const std::string& path, const Error& error) {
  if (error.code != Code::DataLoss || error.text.find(path) != std::string::npos) {
    return tl::unexpected(error);
  }
  return damaged(path, error.text);
}

// Pre: `state` came from read_state() or read_state_format2().
Status check_owner(const std::string& path, const Result<std::optional<StateRow>>& state,
                   const std::string& cluster) {
  if (!state) return named(path, state.error());
  if (!*state || (*state)->cluster == cluster) return {};
  return fail(Code::Conflict, "the raft log " + path + " belongs to cluster " + (*state)->cluster +
                                  ", but the configuration names cluster " + cluster +
                                  "; nothing was changed: put the old name back, or move the data "
                                  "directory away to join another cluster");
}

SqliteOptions options_of(const LogPlace& place, std::optional<PosixMarkFile>& mark) {
  const auto from_1 = [&mark, path = place.path,
                       cluster = place.cluster](SqliteDatabase& database) -> Status {
    if (!mark) {  // before there is a file that must have one
      auto made = PosixMarkFile::make(mark_path(path));
      if (!made) return tl::unexpected(made.error());
      mark.emplace(std::move(*made));
    }
    return upgrade_format1(database, cluster, rejoin(path));
  };
  const auto from_2 = [place](SqliteDatabase& database) -> Status {
    const auto state = read_state_format2(database);
    const Status owned = check_owner(place.path, state, place.cluster);
    return owned ? upgrade_format2(database, *state) : owned;
  };
  // The tables are those of the present format, but its owner is asked for before it is changed.
  const auto from_late_2 = [place](SqliteDatabase& database) {
    return check_owner(place.path, read_state(database), place.cluster);
  };
  return {.path = place.path,
          .what = "the raft log",
          .application_id = kLogApplication,
          .version = kLogVersion,
          .schema = log_schema(),
          .upgrades = {{1, kLogSchema1, from_1},
                       {2, log_schema2(), from_2},
                       {2, log_schema(), from_late_2}},
          .if_damaged = rejoin(place.path),
          .max_pages = place.max_pages};
}

// Before SQLite sees the place: it would take a missing file for a new one.
Result<std::optional<PosixMarkFile>> open_mark(const LogPlace& place) {
  auto mark = PosixMarkFile::open(mark_path(place.path));
  if (!mark) return named(place.path, mark.error());
  std::error_code error;
  if (std::filesystem::exists(place.path, error) || error) return mark;
  if (*mark && was_retired(place.path)) {  // it was not finished
    if (Status done = retire_log(place.path); !done) return tl::unexpected(done.error());
    mark->reset();
  }
  if (*mark && (*mark)->mark().write > 0) {
    return damaged(place.path,
                   "it is missing, but " + mark_path(place.path) + " says that it was written to");
  }
  if (*mark) return mark;
  const auto parent = std::filesystem::path(place.path).parent_path();
  if (!parent.empty() && !std::filesystem::is_directory(parent, error)) {
    return mark;  // the database says it better
  }
  auto made = PosixMarkFile::make(mark_path(place.path));
  if (!made) return tl::unexpected(made.error());
  return std::optional<PosixMarkFile>(std::move(*made));
}

raft::Index end_of(const raft::Stored& stored) {
  return stored.entries.empty() ? stored.snapshot.index : stored.first + stored.entries.size() - 1;
}

}  // namespace

// --- opening ----------------------------------------------------------------------------------

// The database first: without it the others say nothing.
Status retire_log(const std::string& path) {
  for (const char* end : {"", "-wal", "-mark"}) {
    std::error_code error;
    if (!std::filesystem::exists(path + end, error)) continue;
    std::filesystem::rename(path + end, path + ".retired" + end, error);
    if (error) {
      return fail(Code::PermissionDenied, "cannot put " + path + end + " aside as " + path +
                                              ".retired" + end + ": " + error.message() +
                                              "; do it by hand before this agent starts again");
    }
  }
  return {};
}

bool was_retired(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path + ".retired", error) && !std::filesystem::exists(path, error);
}

Result<std::unique_ptr<SqliteLogStore>> SqliteLogStore::open(LogPlace place) {
  auto mark = open_mark(place);
  if (!mark) return tl::unexpected(mark.error());
  auto database = SqliteDatabase::open(options_of(place, *mark));
  if (!database) return tl::unexpected(database.error());
  database->fold_when_closed(false);
  if (!*mark) {
    return damaged(place.path,
                   mark_path(place.path) + ", which says how much was written, is missing");
  }
  std::unique_ptr<SqliteLogStore> store(
      new SqliteLogStore(std::move(*database), std::move(place), std::move(**mark)));
  auto rows = LogRows::prepare(store->database_);
  if (!rows) return tl::unexpected(rows.error());
  store->rows_.emplace(std::move(*rows));
  if (Status done = store->check_cluster(); !done) return tl::unexpected(done.error());
  return store;
}

SqliteLogStore::~SqliteLogStore() {
  // A clean end leaves nothing to the kernel. A failure changes nothing: an older mark is true too.
  if (loaded_) static_cast<void>(mark_.sync());
}

Status SqliteLogStore::check_cluster() {
  const auto state = read_state(database_);
  if (Status owned = check_owner(path(), state, place_.cluster); !owned) return owned;
  return *state ? Status{} : begin();
}

Status SqliteLogStore::begin() {
  const auto snapshot = read_snapshot(database_);
  if (!snapshot) return named(path(), snapshot.error());
  const auto entries = read_entries(database_);
  if (!entries) return named(path(), entries.error());
  if (*snapshot || entries->first != 0) return damaged(path(), "the vote is missing");
  now_ = {};
  if (Status same = compare(now_); !same) return named(path(), same.error());
  return database_.transaction([this] {
    now_.write = 1;
    return put_state();
  });
}

// --- reading ----------------------------------------------------------------------------------

Result<raft::Stored> SqliteLogStore::load() {
  auto stored = read();
  if (!stored) return named(path(), stored.error());
  const auto newest = newest_generation(database_);
  if (!newest) return tl::unexpected(newest.error());
  newest_generation_ = std::max(*newest, snapshot_generation_);
  // After a power cut the mark may be an older one.
  if (now_ != mark_.mark()) {
    if (Status done = mark_.write(now_); !done) return tl::unexpected(done.error());
  }
  if (Status done = mark_.sync(); !done) return tl::unexpected(done.error());
  database_.fold_when_closed(true);
  loaded_ = true;
  return stored;
}

Result<raft::Stored> SqliteLogStore::read() {
  const auto state = read_state(database_);
  if (!state) return tl::unexpected(state.error());
  if (!*state) return fail(Code::DataLoss, "the vote is missing");
  auto snapshot = read_snapshot(database_);
  if (!snapshot) return tl::unexpected(snapshot.error());
  auto entries = read_entries(database_);
  if (!entries) return tl::unexpected(entries.error());

  raft::Stored stored;
  stored.term = (*state)->term;
  stored.voted_for = (*state)->voted_for;
  stored.self = self_ = (*state)->self;
  std::uint64_t write = std::max((*state)->write, entries->write);
  if (*snapshot) {
    auto data = read_pieces(database_, **snapshot);
    if (!data) return tl::unexpected(data.error());
    write = std::max(write, (*snapshot)->write);
    snapshot_generation_ = (*snapshot)->generation;
    stored.snapshot = std::move((*snapshot)->meta);
    stored.snapshot_data = std::make_shared<const std::string>(std::move(*data));
  }
  const raft::Index after = stored.snapshot.index + 1;
  stored.first = entries->first == 0 ? after : entries->first;
  stored.entries = std::move(entries->entries);
  if (stored.first > after) {
    return fail(Code::DataLoss, "entry " + std::to_string(after) + " is missing");
  }
  if (end_of(stored) < stored.snapshot.index) {
    return fail(Code::DataLoss, "entry " + std::to_string(end_of(stored) + 1) + " is missing");
  }
  now_ = {write, stored.term, stored.voted_for, stored.snapshot.index, end_of(stored)};
  if (Status same = compare(now_); !same) return tl::unexpected(same.error());
  return stored;
}

Status SqliteLogStore::compare(const DurableMark& found) const {
  const DurableMark& known = mark_.mark();
  if (found.write > known.write) return {};  // written, but we died before we could say so
  if (found.write < known.write) {
    return fail(Code::DataLoss,
                "the last " + std::to_string(known.write - found.write) +
                    " durable writes are not in it, because its write-ahead log was lost, cut or "
                    "damaged, or because an older copy took its place");
  }
  if (found.term != known.term || found.voted_for != known.voted_for) {
    return fail(Code::DataLoss, "the vote is another one than was written");
  }
  if (found.snapshot != known.snapshot) {
    return fail(Code::DataLoss,
                "the snapshot at index " + std::to_string(known.snapshot) + " is missing");
  }
  if (found.last != known.last) {
    return fail(Code::DataLoss, "it ends at entry " + std::to_string(found.last) + ", but entry " +
                                    std::to_string(known.last) + " was the last one written");
  }
  return {};
}

// --- writing ----------------------------------------------------------------------------------

Status SqliteLogStore::commit(const std::function<Status()>& body) {
  CHECK(loaded_);
  const DurableMark before = now_;
  const std::uint64_t generation = snapshot_generation_;
  ++now_.write;
  entries_tell_ = others_tell_ = false;
  Status done = database_.transaction([&]() -> Status {
    if (Status written = body(); !written) return written;
    return entries_tell_ || others_tell_ ? Status{} : put_state();
  });
  if (done) return mark_.write(now_);
  now_ = before;
  snapshot_generation_ = generation;
  return done;
}

Status SqliteLogStore::put_state() {
  others_tell_ = true;
  return rows_->put_state({place_.cluster, now_.term, now_.voted_for, self_, now_.write});
}

Status SqliteLogStore::save_vote(raft::Term term, MasterId voted_for, MasterId self) {
  now_.term = term;
  now_.voted_for = voted_for;
  if (self != 0) self_ = self;
  return put_state();
}

Status SqliteLogStore::append(raft::Index first, const std::vector<raft::Entry>& entries) {
  CHECK(first > 0);
  if (first <= now_.last) {
    if (Status done = rows_->drop_entries_from(first); !done) return done;
  }
  raft::Index index = first;
  for (const raft::Entry& entry : entries) {
    if (Status done = rows_->put_entry(index, entry, now_.write); !done) return done;
    ++index;
  }
  now_.last = index - 1;
  entries_tell_ = !entries.empty();
  return {};
}

Status SqliteLogStore::flip(const raft::SnapshotMeta& meta, bool whole) {
  CHECK(meta.index > 0 && stage_.has_value());
  if (whole) {
    if (Status done = rows_->drop_entries_from(0); !done) return done;
    entries_tell_ = false;
    now_.last = meta.index;
  }
  now_.snapshot = meta.index;
  snapshot_generation_ = stage_->generation;
  others_tell_ = true;
  return rows_->put_snapshot({meta, stage_->generation, stage_->bytes, stage_->sum, now_.write});
}

void SqliteLogStore::begin_stage() { stage_ = Stage{++newest_generation_}; }

Status SqliteLogStore::stage(std::string_view piece) {
  CHECK(loaded_ && stage_.has_value() && piece.size() <= kPieceBytes);
  const Status done = database_.transaction(
      [&] { return rows_->put_piece(stage_->generation, stage_->pieces, piece); });
  if (!done) return done;
  ++stage_->pieces;
  stage_->bytes += piece.size();
  stage_->sum = fnv1a64(piece, stage_->sum);
  return {};
}

Status SqliteLogStore::begin_anew(raft::Term term, MasterId self, const raft::SnapshotMeta& meta,
                                  std::string_view data) {
  begin_stage();
  for (std::size_t at = 0; at < data.size(); at += kPieceBytes) {
    if (Status done = stage(data.substr(at, kPieceBytes)); !done) return done;
  }
  return commit([&] {
    const Status done = save_vote(term, self, self);
    return done ? flip(meta, true) : done;
  });
}

Result<bool> SqliteLogStore::clean(raft::Index keep_from) {
  CHECK(loaded_);
  // The snapshot needs nothing below it.
  const raft::Index end = std::min(keep_from, now_.snapshot + 1);
  const std::uint64_t before = stage_ && stage_->generation > snapshot_generation_
                                   ? stage_->generation
                                   : newest_generation_ + 1;
  const std::int64_t changes = database_.changes();
  const Status done = database_.transaction([&] {
    const Status dropped = rows_->drop_entries_below(end, kEntriesPerSlice);
    return dropped ? rows_->drop_pieces(snapshot_generation_, before, kPiecesPerSlice) : dropped;
  });
  if (!done) return tl::unexpected(done.error());
  return database_.changes() != changes;
}

}  // namespace muster::failover
