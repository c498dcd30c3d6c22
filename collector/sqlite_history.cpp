#include "collector/sqlite_history.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

namespace muster::collector {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPageBytes = 4096;  // SQLite's default
// The write-ahead log lies beside the file and counts too: it is folded in often to stay small.
constexpr std::uint64_t kLogBytes = std::uint64_t{1} << 20;
// The disk is waited for only when the log is folded in: a power cut may cost the last minutes and
// never the file, and the consensus log, which is often on the same disk, is left in peace.
constexpr const char* kLogSettings =
    "PRAGMA wal_autocheckpoint=64; PRAGMA journal_size_limit=524288; PRAGMA synchronous=NORMAL";
// Blocks go before the file is full, for then nothing could be written in the place of others.
constexpr double kFullShare = 0.8;
// Of all that there may be on disk: more of a damaged file is not kept.
constexpr std::uint64_t kAsideShare = 4;
// Each is a transaction of its own, about one block, so that the log stays small; and who wants to
// read waits for so many at most.
constexpr int kStepsMax = 64;
constexpr int kPagesAStep = 64;

tl::unexpected<Error> damaged() {
  return fail(Code::DataLoss, "a block of the history is damaged: it makes no sense");
}

std::int64_t ms(WallTime time) {
  return std::max<std::int64_t>(0, time.time_since_epoch().count());
}

}  // namespace

SqliteOptions SqliteHistory::options(const std::string& path, std::uint64_t max_bytes) {
  SqliteOptions made;
  made.path = path;
  made.what = "the history";
  made.application_id = 0x6d756869;  // "muhi"
  made.version = 1;
  made.schema =
      "CREATE TABLE block(id INTEGER PRIMARY KEY, span_ms INTEGER NOT NULL,"
      " step_ms INTEGER NOT NULL, begin_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,"
      " times BLOB NOT NULL);"
      "CREATE TABLE series(block INTEGER NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,"
      " PRIMARY KEY(block, name)) WITHOUT ROWID";
  made.if_damaged = "it goes aside as it is, and another one is begun";
  made.gives_back = true;
  made.max_pages = static_cast<int>((max_bytes - std::min(max_bytes / 2, kLogBytes)) / kPageBytes);
  return made;
}

SqliteHistory::SqliteHistory(std::string path, const HistoryOptions& options)
    : path_(std::move(path)), options_(options), tail_(options.interval) {
  CHECK(options.interval > Duration::zero());
}

void SqliteHistory::add(WallTime at, const Measured& values) { tail_.add(at, values); }

std::vector<HistoryNotice> SqliteHistory::flush() {
  std::vector<HistoryNotice> notices;
  if (lost_file()) {
    notices.push_back({true, "the history " + path_ +
                                 " was removed or replaced while it was written: it goes on with "
                                 "what is there now"});
  }
  Status done = damage_ ? write() : std::exchange(damage_, Status());
  if (!done && done.error().code == Code::DataLoss) {
    const std::string why = done.error().text;
    const auto aside = put_aside();
    if (aside) {
      notices.push_back({true, why + "; the old file is " + *aside});
      done = write();
    } else {
      done = tl::unexpected<Error>(aside.error());
    }
  }
  if (done && std::exchange(failing_, false)) {
    notices.push_back({false, "the history is written again: " + path_});
  } else if (!done && !std::exchange(failing_, true)) {
    notices.push_back(
        {true, done.error().text + "; until then the newest of the history is kept in memory"});
  }
  return notices;
}

Status SqliteHistory::open() {
  if (file_) return {};
  const std::uint64_t aside = std::min(keep_aside(), options_.max_bytes / 2);
  const SqliteOptions wanted = options(path_, options_.max_bytes - aside);
  pages_max_ = wanted.max_pages;
  auto database = SqliteDatabase::open(wanted);
  if (!database) return tl::unexpected<Error>(database.error());
  if (Status set = database->execute(kLogSettings); !set) return set;
  Status prepared;
  const auto statement = [&](std::string_view sql) {
    auto made = database->prepare(sql);
    if (!made && prepared) prepared = tl::unexpected<Error>(made.error());
    return made;
  };
  auto save_block = statement("INSERT OR REPLACE INTO block VALUES(?, ?, ?, ?, ?, ?)");
  auto save_column = statement("INSERT OR REPLACE INTO series VALUES(?, ?, ?)");
  auto drop_block = statement("DELETE FROM block WHERE id = ?");
  auto drop_columns = statement("DELETE FROM series WHERE block = ?");
  auto list = statement("SELECT id, span_ms, step_ms, begin_ms, end_ms FROM block ORDER BY id");
  auto read = statement(
      "SELECT id, step_ms, times, data FROM block LEFT JOIN series ON block = id AND name = ? "
      "ORDER BY id");
  auto columns =
      statement("SELECT times, name, data FROM block LEFT JOIN series ON block = id WHERE id = ?");
  if (!prepared) return prepared;
  file_.emplace(File{std::move(*database), std::move(*save_block), std::move(*save_column),
                     std::move(*drop_block), std::move(*drop_columns), std::move(*list),
                     std::move(*read), std::move(*columns)});
  return {};
}

Status SqliteHistory::write() {
  if (Status opened = open(); !opened) return opened;
  steps_ = kStepsMax;
  unfinished_ = false;
  if (Status made = make_room(); !made) return made;
  if (Status saved = save_tail(); !saved) return saved;
  return downsample();
}

Status SqliteHistory::save_tail() {
  const auto last = number("SELECT max(id) FROM block");
  if (!last) return tl::unexpected<Error>(last.error());
  if (*last > static_cast<std::int64_t>(kBlockIdMax)) return damaged();
  std::vector<std::uint64_t> ids;
  auto next = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *last));
  const Status saved = file_->database.transaction([&]() -> Status {
    for (const HistoryBlock& block : tail_.blocks()) {
      ids.push_back(block.id != 0 ? block.id : ++next);
      HistoryBlock named = block;
      named.id = ids.back();
      if (Status done = save(named); !done) return done;
    }
    return {};
  });
  if (!saved) return saved;
  for (std::size_t i = 0; i < ids.size(); ++i) tail_.blocks()[i].id = ids[i];
  tail_.saved();
  return {};
}

Status SqliteHistory::save(const HistoryBlock& block) {
  const std::string times = encode_times(block.times);
  Status done = file_->save_block.bind(1, block.id)
                    .bind(2, block.span_ms)
                    .bind(3, block.step_ms)
                    .bind(4, block.times.front())
                    .bind(5, block.times.back())
                    .bind_blob(6, times)
                    .run();
  for (const auto& [name, column] : block.columns) {
    if (!done) return done;
    const std::string data = encode_column(column);
    done = file_->save_column.bind(1, block.id).bind_text(2, name).bind_blob(3, data).run();
  }
  return done;
}

Status SqliteHistory::drop(std::uint64_t id) {
  return file_->database.transaction([&]() -> Status {
    if (Status done = file_->drop_columns.bind(1, id).run(); !done) return done;
    return file_->drop_block.bind(1, id).run();
  });
}

Status SqliteHistory::downsample() {
  while (true) {
    if (steps_ <= 0) {
      unfinished_ = true;
      return {};
    }
    auto blocks = stored();
    if (!blocks) return tl::unexpected<Error>(blocks.error());
    const std::vector<std::uint64_t> old = plan_prune(*blocks, options_);
    if (!old.empty()) {
      --steps_;
      if (Status done = drop(old.front()); !done) return done;
      continue;
    }
    const std::vector<std::uint64_t> ids = plan_merge(*blocks, options_);
    if (ids.empty()) return {};
    if (Status done = merge(*blocks, ids); !done) return done;
  }
}

// The whole takes the place of the first part, then the others go. Cut off between, it leaves parts
// that say the same of their times as the whole, only finer: a reader shows those.
Status SqliteHistory::merge(const std::vector<BlockInfo>& stored,
                            const std::vector<std::uint64_t>& ids) {
  std::vector<HistoryBlock> parts;
  for (const BlockInfo& info : stored) {
    if (std::find(ids.begin(), ids.end(), info.id) == ids.end()) continue;
    auto part = load(info);
    if (!part) return tl::unexpected<Error>(part.error());
    parts.push_back(std::move(*part));
  }
  const HistoryBlock whole = merged(parts, kCoarseStepMs);
  --steps_;
  if (Status done = file_->database.transaction([&] { return save(whole); }); !done) return done;
  for (const std::uint64_t id : ids) {
    if (id == whole.id) continue;
    --steps_;
    if (Status done = drop(id); !done) return done;
  }
  return {};
}

Status SqliteHistory::make_room() {
  for (; steps_ > 0; --steps_) {
    const Result<bool> more = shrink();
    if (!more) return tl::unexpected<Error>(more.error());
    if (!*more) return {};
  }
  unfinished_ = true;
  return {};
}

// True: something was removed because there was no room, and there may still be none.
Result<bool> SqliteHistory::shrink() {
  const auto pages = number("PRAGMA page_count");
  if (!pages) return tl::unexpected<Error>(pages.error());
  const auto empty = number("PRAGMA freelist_count");
  if (!empty) return tl::unexpected<Error>(empty.error());
  if (static_cast<double>(*pages - *empty) > pages_max_ * kFullShare) {
    auto blocks = stored();
    if (!blocks) return tl::unexpected<Error>(blocks.error());
    if (blocks->size() < 2) return false;
    const Status done = drop(blocks->front().id);
    if (!done) return tl::unexpected<Error>(done.error());
    return true;
  }
  // The file was larger once: it does not become smaller by itself.
  if (*pages <= pages_max_) return false;
  const auto gave = file_->database.give_back(kPagesAStep);
  if (!gave) return tl::unexpected<Error>(gave.error());
  // A file cannot be bounded to less than it has.
  const Status bound =
      file_->database.execute("PRAGMA max_page_count=" + std::to_string(pages_max_));
  if (!bound) return tl::unexpected<Error>(bound.error());
  return *gave;
}

Result<std::vector<BlockInfo>> SqliteHistory::stored() {
  std::vector<BlockInfo> blocks;
  SqliteStatement& list = file_->list;
  auto row = list.step();
  bool plausible = true;
  for (; row && *row && plausible; row = list.step()) {
    blocks.push_back({list.uint64(0), list.int64(1), list.int64(2), list.int64(3), list.int64(4)});
    plausible = blocks.back().plausible();
  }
  list.reset();
  if (!row) return tl::unexpected<Error>(row.error());
  if (!plausible) return damaged();
  return blocks;
}

Result<HistoryBlock> SqliteHistory::load(const BlockInfo& info) {
  HistoryBlock block;
  block.id = info.id;
  block.span_ms = info.span_ms;
  block.step_ms = info.step_ms;
  SqliteStatement& columns = file_->columns;
  auto row = columns.bind(1, info.id).step();
  Status whole;
  for (; row && *row && whole; row = columns.step()) {
    if (block.times.empty()) {
      auto times = decode_times(columns.bytes(0));
      if (!times) {
        whole = tl::unexpected<Error>(times.error());
        break;
      }
      block.times = std::move(*times);
    }
    if (columns.bytes(1).empty()) continue;  // a block without series
    auto column = decode_column(columns.bytes(2), block.times.size());
    if (column) {
      block.columns[columns.bytes(1)] = std::move(*column);
    } else {
      whole = tl::unexpected<Error>(column.error());
    }
  }
  columns.reset();
  if (!row) return tl::unexpected<Error>(row.error());
  if (!whole) return tl::unexpected<Error>(whole.error());
  if (block.times.empty()) return fail(Code::DataLoss, "a block of the history is gone");
  if (block.times.front() != info.begin_ms || block.times.back() != info.end_ms) return damaged();
  return block;
}

Result<std::int64_t> SqliteHistory::number(std::string_view sql) {
  auto statement = file_->database.prepare(sql);
  if (!statement) return tl::unexpected<Error>(statement.error());
  const auto row = statement->step();
  if (!row) return tl::unexpected<Error>(row.error());
  return *row ? statement->int64(0) : 0;
}

Result<std::string> SqliteHistory::put_aside() {
  file_.reset();
  tail_.unsaved();
  std::string aside = path_ + ".damaged";
  std::error_code error;
  for (const char* const part : {"-wal", "-shm", ""}) {
    fs::remove(aside + part, error);
    fs::rename(path_ + part, aside + part, error);
  }
  if (error) {
    return fail(Code::Internal, "cannot put aside the damaged history " + path_ + ": " +
                                    error.message() + "; remove it");
  }
  return aside;
}

// How many bytes of what was put aside there are, once it is cut to its share.
std::uint64_t SqliteHistory::keep_aside() const {
  std::uint64_t room = options_.max_bytes / kAsideShare;
  std::uint64_t bytes = 0;
  for (const char* const part : {"", "-wal", "-shm"}) {
    const std::string file = path_ + ".damaged" + part;
    std::error_code error;
    std::uint64_t size = fs::file_size(file, error);
    if (error) continue;
    if (size > room) {
      fs::resize_file(file, room, error);
      if (!error) size = room;
    }
    bytes += size;
    room -= std::min(room, size);
  }
  return bytes;
}

// The log of a file that is gone must not be taken for that of another one in its place.
bool SqliteHistory::lost_file() {
  if (!file_ || !file_->database.moved()) return false;
  file_.reset();
  tail_.unsaved();
  std::error_code error;
  fs::remove(path_ + "-wal", error);
  return true;
}

// Damage that a reader meets is mended by the next write, which might not come across it.
tl::unexpected<Error> SqliteHistory::met(const Error& error) {
  if (error.code == Code::DataLoss) damage_ = tl::unexpected<Error>(error);
  return tl::unexpected<Error>(error);
}

Result<std::optional<HistoryPoint>> SqliteHistory::newest(const std::string& series) {
  const auto last_of = [](const std::vector<std::int64_t>& times, const Column& column) {
    std::optional<HistoryPoint> point;
    if (!std::isnan(column.mean.back())) {
      point = HistoryPoint{WallTime(std::chrono::milliseconds(times.back())), column.mean.back()};
    }
    return point;
  };
  if (!tail_.blocks().empty()) {
    const HistoryBlock& block = tail_.blocks().back();
    const auto column = block.columns.find(series);
    if (column == block.columns.end()) return std::nullopt;
    return last_of(block.times, column->second);
  }
  std::error_code error;
  if (!file_ && !fs::exists(path_, error)) return std::nullopt;
  if (Status opened = open(); !opened) return tl::unexpected<Error>(opened.error());
  auto statement = file_->database.prepare(
      "SELECT times, data FROM block JOIN series ON block = id WHERE id = (SELECT max(id) FROM "
      "block) AND name = ?");
  if (!statement) return met(statement.error());
  const auto row = statement->bind_text(1, series).step();
  if (!row) return met(row.error());
  if (!*row) return std::nullopt;
  const auto times = decode_times(statement->bytes(0));
  if (!times) return met(times.error());
  const auto column = decode_column(statement->bytes(1), times->size());
  if (!column) return met(column.error());
  return last_of(*times, *column);
}

Result<HistoryGrid> SqliteHistory::read(const std::string& series, WallTime from, WallTime to,
                                        Duration step) {
  HistoryGrid grid(ms(from), std::max(ms(from), ms(to)),
                   std::chrono::duration_cast<std::chrono::milliseconds>(step).count());
  const std::deque<HistoryBlock>& tail = tail_.blocks();
  const auto in_memory = [&](std::uint64_t id) {
    return std::any_of(tail.begin(), tail.end(),
                       [&](const HistoryBlock& block) { return block.id == id; });
  };
  Status whole;
  if (file_) {
    SqliteStatement& read = file_->read;
    auto row = read.bind_text(1, series).step();
    for (; row && *row && whole; row = read.step()) {
      if (in_memory(read.uint64(0))) continue;
      if (const std::int64_t step_ms = read.int64(1); step_ms < 1 || step_ms > kHistoryMsMax) {
        whole = damaged();
        break;
      }
      const auto times = decode_times(read.bytes(2));
      const std::string data = read.bytes(3);
      const auto column = times && !data.empty() ? decode_column(data, times->size()) : Column{};
      if (times && column) {
        grid.add(*times, read.int64(1), data.empty() ? nullptr : &*column);
      } else {
        whole = tl::unexpected<Error>(times ? column.error() : times.error());
      }
    }
    read.reset();
    if (!row) return met(row.error());
  }
  if (!whole) return met(whole.error());
  for (const HistoryBlock& block : tail) {
    const auto column = block.columns.find(series);
    grid.add(block.times, block.step_ms, column == block.columns.end() ? nullptr : &column->second);
  }
  return grid;
}

Result<std::set<std::string>> SqliteHistory::series() {
  std::set<std::string> names;
  for (const HistoryBlock& block : tail_.blocks()) {
    for (const auto& [name, column] : block.columns) names.insert(name);
  }
  if (!file_) return names;
  auto list = file_->database.prepare("SELECT DISTINCT name FROM series");
  if (!list) return met(list.error());
  auto row = list->step();
  for (; row && *row; row = list->step()) names.insert(list->bytes(0));
  if (!row) return met(row.error());
  return names;
}

}  // namespace muster::collector
