#include "base/sqlite_database.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <sqlite3.h>

namespace muster {
namespace {

// An agent holds a file open for its whole life: who finds it locked for this long finds an agent.
constexpr int kBusyMs = 1000;

Code code_of(int sqlite_code) {
  if (sqlite_code == SQLITE_IOERR_CORRUPTFS) return Code::DataLoss;
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return Code::Exhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::DataLoss;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
    case SQLITE_PERM: return Code::PermissionDenied;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::Conflict;
    default: return Code::Internal;
  }
}

std::string way_out(Code code, const SqliteOptions& options) {
  switch (code) {
    case Code::Exhausted: return "free space on its file system";
    case Code::DataLoss: return "it is damaged or another program's: " + options.if_damaged;
    case Code::PermissionDenied: return "make it and its directory writable for the agent's user";
    case Code::Conflict: return "another process has it open: stop the other agent first";
    default: return "look for disk errors in the kernel's log";
  }
}

std::string system_text(int error) {
  return std::error_code(error, std::generic_category()).message();
}

tl::unexpected<Error> sqlite_error(sqlite3* database, int sqlite_code, std::string_view verb,
                                   const SqliteOptions& options) {
  const Code code = code_of(sqlite_code);
  std::string text = "cannot " + std::string(verb) + " " + options.what + " " + options.path +
                     ": " + sqlite3_errstr(sqlite_code);
  const int error = database == nullptr ? 0 : sqlite3_system_errno(database);
  const int primary = sqlite_code & 0xff;
  if (error != 0 && (primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR)) {
    text += " (" + system_text(error) + ")";
  }
  if (code == Code::Internal && database != nullptr) {
    text += std::string(" [") + sqlite3_errmsg(database) + "]";
  }
  return fail(code, text + "; " + way_out(code, options));
}

// SQLite would call every one of these "unable to open database file", and would quietly take a
// file that was cut to nothing for a new one.
Status check_place(const SqliteOptions& options) {
  namespace fs = std::filesystem;
  const fs::path path(options.path);
  const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    const std::string why = error ? error.message() : "it is not a directory";
    return fail(Code::PermissionDenied, "cannot keep " + options.what + " in " +
                                            directory.string() + ": " + why +
                                            "; make it a directory that the agent's user owns");
  }
  const auto size = fs::file_size(path, error);
  if (error) return {};  // not there yet, or opening it says more
  if (size == 0) {
    return fail(
        Code::DataLoss,
        options.what + " " + options.path +
            " is empty, so what was in it is lost or it was never finished: " + options.if_damaged);
  }
  return {};
}

// The definitions of all tables and indexes, in the order of their names; or SQLite's error.
tl::expected<std::string, int> tables_in(sqlite3* database) {
  std::string text;
  const auto add = [](void* out, int, char** values, char**) {
    if (values[0] != nullptr) *static_cast<std::string*>(out) += values[0];
    *static_cast<std::string*>(out) += '\n';
    return 0;
  };
  const int code = sqlite3_exec(database, "SELECT sql FROM sqlite_schema ORDER BY type, name", add,
                                &text, nullptr);
  if (code != SQLITE_OK) return tl::unexpected<int>(code);
  return text;
}

Result<std::string> tables_of(const std::string& schema) {
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(":memory:", &handle, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> scratch(handle, &sqlite3_close);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(handle, schema.c_str(), nullptr, nullptr, nullptr);
  }
  if (code == SQLITE_OK) {
    if (auto text = tables_in(handle)) return *text;
  }
  return fail(Code::Internal,
              std::string("cannot lay out a database in memory: ") + sqlite3_errstr(code));
}

}  // namespace

void SqliteStatement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteStatement& SqliteStatement::bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), parameter, value);
  if (bind_error_ == 0) bind_error_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, std::uint64_t value) {
  return bind(parameter, static_cast<std::int64_t>(value));
}

SqliteStatement& SqliteStatement::bind_text(int parameter, std::string_view text) {
  const int code = sqlite3_bind_text64(statement_.get(), parameter, text.empty() ? "" : text.data(),
                                       text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (bind_error_ == 0) bind_error_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::bind_blob(int parameter, std::string_view bytes) {
  const int code = sqlite3_bind_blob64(
      statement_.get(), parameter, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
  if (bind_error_ == 0) bind_error_ = code;
  return *this;
}

Result<bool> SqliteStatement::step() {
  sqlite3* const database = sqlite3_db_handle(statement_.get());
  if (bind_error_ != 0) {
    const int code = std::exchange(bind_error_, 0);
    return sqlite_error(database, code, "use", *options_);
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto error = sqlite_error(
      database, code, sqlite3_stmt_readonly(statement_.get()) != 0 ? "read" : "write", *options_);
  sqlite3_reset(statement_.get());
  return error;
}

Status SqliteStatement::run() {
  Result<bool> row = step();
  while (row && *row) row = step();
  reset();
  if (!row) return tl::unexpected(row.error());
  return {};
}

void SqliteStatement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bind_error_ = 0;
}

std::int64_t SqliteStatement::int64(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::uint64_t SqliteStatement::uint64(int column) const {
  return static_cast<std::uint64_t>(int64(column));
}

std::string SqliteStatement::bytes(int column) const {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr || size <= 0) return {};
  return std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

void SqliteDatabase::Closer::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Result<SqliteDatabase> SqliteDatabase::open(SqliteOptions options) {
  CHECK(options.application_id != 0 && options.version > 0);
  if (Status place = check_place(options); !place) return tl::unexpected(place.error());
  SqliteDatabase database(std::move(options));
  if (Status done = database.connect(); !done) return tl::unexpected(done.error());
  // Nothing is written before the file is known to be ours and sound.
  database.fold_when_closed(false);
  const Result<int> version = database.check_identity();
  if (!version) return tl::unexpected(version.error());
  if (Status done = database.check_structure(); !done) return tl::unexpected(done.error());
  const auto older = database.check_tables(*version);
  if (!older) return tl::unexpected(older.error());
  if (Status done = database.configure(); !done) return tl::unexpected(done.error());
  if (Status done = database.upgrade(*version, *older); !done) return tl::unexpected(done.error());
  database.fold_when_closed(true);
  return database;
}

Result<bool> SqliteDatabase::give_back(int pages) {
  const auto before = read_number("PRAGMA page_count");
  if (!before) return tl::unexpected(before.error());
  // The file itself becomes smaller when the log is folded in.
  if (Status done = execute("PRAGMA incremental_vacuum(" + std::to_string(pages) +
                            "); PRAGMA wal_checkpoint(TRUNCATE)");
      !done) {
    return tl::unexpected(done.error());
  }
  const auto after = read_number("PRAGMA page_count");
  if (!after) return tl::unexpected(after.error());
  return *after < *before;
}

bool SqliteDatabase::moved() const {
  int moved = 0;
  sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

std::int64_t SqliteDatabase::changes() const { return sqlite3_total_changes64(database_.get()); }

void SqliteDatabase::fold_when_closed(bool fold) {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, fold ? 0 : 1, nullptr);
}

Status SqliteDatabase::connect() {
  std::error_code error;
  const bool existed = std::filesystem::exists(options_->path, error);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      options_->path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  database_.reset(handle);
  if (code != SQLITE_OK) return sqlite_error(handle, code, "open", *options_);
  if (sqlite3_db_readonly(handle, "main") == 1) {
    return sqlite_error(nullptr, SQLITE_READONLY, "open", *options_);
  }
  if (!existed) {  // the files of the write-ahead log take over its mode
    using std::filesystem::perms;
    std::filesystem::permissions(options_->path, perms::owner_read | perms::owner_write, error);
    if (error) {
      return fail(Code::PermissionDenied, "cannot make " + options_->what + " " + options_->path +
                                              " private: " + error.message());
    }
  }
  sqlite3_busy_timeout(handle, kBusyMs);
  if (options_->gives_back) {  // before the first page: a file that there is keeps what it has
    if (Status set = execute("PRAGMA auto_vacuum=INCREMENTAL"); !set) return set;
  }
  // Exclusive before the first read: the index of the write-ahead log is then in memory, not in a
  // shared file, and the lock is kept.
  return execute(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF;"
      "PRAGMA cell_size_check=ON; PRAGMA cache_size=-256");
}

Result<std::int64_t> SqliteDatabase::read_number(std::string_view sql) {
  Result<SqliteStatement> statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  const Result<bool> row = statement->step();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->int64(0) : 0;
}

Result<int> SqliteDatabase::check_identity() {
  const auto tables = read_number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::unexpected(tables.error());
  const auto application = read_number("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  const auto version = read_number("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (*tables == 0 && *application == 0 && *version == 0) return 0;
  if (static_cast<std::uint32_t>(*application) != options_->application_id) {
    return fail(Code::Conflict, options_->path + " is a database of another program and not " +
                                    options_->what +
                                    "; nothing was changed: move it away or choose another "
                                    "data directory");
  }
  const bool known = std::any_of(options_->upgrades.begin(), options_->upgrades.end(),
                                 [&](const SqliteUpgrade& one) { return one.from == *version; });
  if (*version != options_->version && !known) {
    const bool newer = *version > options_->version;
    return fail(Code::Conflict,
                options_->what + " " + options_->path + " has format " + std::to_string(*version) +
                    ", this version of muster knows format " + std::to_string(options_->version) +
                    "; nothing was changed: run " + (newer ? "the newer" : "an older") +
                    " version that wrote it");
  }
  return static_cast<int>(*version);
}

Status SqliteDatabase::check_structure() {
  Result<SqliteStatement> statement = prepare("PRAGMA quick_check(1)");
  if (!statement) return tl::unexpected(statement.error());
  const Result<bool> row = statement->step();
  if (!row) return tl::unexpected(row.error());
  std::string answer = *row ? statement->bytes(0) : "no answer";
  if (answer == "ok") return {};
  std::replace(answer.begin(), answer.end(), '\n', ' ');
  return fail(Code::DataLoss, options_->what + " " + options_->path + " is damaged (" + answer +
                                  "); nothing was changed: " + options_->if_damaged);
}

// A flipped bit in the text of a table's definition can leave a file that SQLite calls sound.
Result<const SqliteUpgrade*> SqliteDatabase::check_tables(int version) {
  if (version == 0) return nullptr;
  const auto found = tables_in(database_.get());
  if (!found) return sqlite_error(database_.get(), found.error(), "read", *options_);
  if (version == options_->version) {
    const auto wanted = tables_of(options_->schema);
    if (!wanted) return tl::unexpected(wanted.error());
    if (*found == *wanted) return nullptr;
  }
  for (const SqliteUpgrade& one : options_->upgrades) {
    if (one.from != version) continue;
    const auto wanted = tables_of(one.schema);
    if (!wanted) return tl::unexpected(wanted.error());
    if (*found == *wanted) return &one;
  }
  return fail(Code::DataLoss, options_->what + " " + options_->path +
                                  " is damaged (its tables are not those of format " +
                                  std::to_string(version) +
                                  "); nothing was changed: " + options_->if_damaged);
}

Status SqliteDatabase::configure() {
  Result<SqliteStatement> mode = prepare("PRAGMA journal_mode=WAL");
  if (!mode) return tl::unexpected(mode.error());
  const Result<bool> row = mode->step();
  if (!row) return tl::unexpected(row.error());
  if (const std::string got = *row ? mode->bytes(0) : ""; got != "wal") {
    return fail(Code::Internal, "cannot keep a write-ahead log for " + options_->path +
                                    " (journal mode is \"" + got +
                                    "\"); put it on a local file system");
  }
  mode->reset();
  std::string sql = "PRAGMA synchronous=FULL; PRAGMA journal_size_limit=8388608";
  if (options_->max_pages > 0) {
    sql += "; PRAGMA max_page_count=" + std::to_string(options_->max_pages);
  }
  return execute(sql);
}

Status SqliteDatabase::upgrade(int version, const SqliteUpgrade* older) {
  if (version == options_->version) return {};
  return transaction([&]() -> Status {
    const Status done = older == nullptr ? execute(options_->schema) : older->run(*this);
    if (!done) return done;
    return execute("PRAGMA application_id=" + std::to_string(options_->application_id) +
                   "; PRAGMA user_version=" + std::to_string(options_->version));
  });
}

Result<SqliteStatement> SqliteDatabase::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return sqlite_error(database_.get(), code, "read", *options_);
  return SqliteStatement(statement, options_);
}

Status SqliteDatabase::execute(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(database_.get(), code, "write", *options_);
  return {};
}

Status SqliteDatabase::transaction(const std::function<Status()>& body) {
  CHECK(sqlite3_get_autocommit(database_.get()) != 0);
  if (Status begun = execute("BEGIN IMMEDIATE"); !begun) return begun;
  Status done = body();
  if (done) done = execute("COMMIT");
  // SQLite rolls back by itself on some errors; then there is nothing left to roll back. A
  // rollback writes nothing, so it cannot fail for want of a disk.
  if (!done && sqlite3_get_autocommit(database_.get()) == 0) {
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return done;
}

}  // namespace muster
