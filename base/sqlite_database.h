// How does muster keep rows in one SQLite file without losing any?
//
// A driver (libsqlite3) that the other sqlite_ drivers build on. One object and its statements
// belong to one thread at a time; every call may block on the disk. It never makes directories,
// never repairs a file, and changes nothing in a file that it refuses.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace muster {

class SqliteDatabase;

// How a file of an older version becomes one of the present version.
struct SqliteUpgrade {
  int from = 0;
  std::string schema;  // what such a file was filled with; tells apart upgrades from one version
  // Leaves exactly the tables of SqliteOptions::schema. Runs in one transaction with the change of
  // the version, so that the file is of either one; a failure leaves it as it was.
  std::function<Status(SqliteDatabase&)> run;
};

struct SqliteOptions {
  std::string path;
  std::string what;                       // for error texts: "the raft log"
  std::uint32_t application_id = 0;       // in the file's header; tells whose file it is; not 0
  int version = 1;                        // of the schema; a file with another one is refused
  std::string schema;                     // SQL that fills an empty file
  std::vector<SqliteUpgrade> upgrades{};  // the older versions that can still be read
  // What to do about a file that is damaged, for error texts.
  std::string if_damaged = "restore it from a backup, or move it away to start without it";
  int max_pages = 0;  // 0: no limit; > 0: the file counts as full at this size
  // Of a file that is made anew: give_back() works.
  bool gives_back = false;
};

// A prepared statement. Must not be used after its database was closed.
class SqliteStatement {
 public:
  // Parameters and columns count from 1 and from 0, as SQLite's do. A failed bind is reported by
  // the next step(). Unsigned numbers keep their 64 bits, but are ordered as signed ones.
  SqliteStatement& bind(int parameter, std::int64_t value);
  SqliteStatement& bind(int parameter, std::uint64_t value);
  SqliteStatement& bind_text(int parameter, std::string_view text);  // copied
  // Pre: `bytes` outlive the next reset() or run(); they are not copied.
  SqliteStatement& bind_blob(int parameter, std::string_view bytes);

  [[nodiscard]] Result<bool> step();  // true: a row can be read
  [[nodiscard]] Status run();         // to the end, rows ignored, then reset()
  void reset();

  // Pre: step() was true. A value of another type reads as 0 or as its bytes.
  [[nodiscard]] std::int64_t int64(int column) const;
  [[nodiscard]] std::uint64_t uint64(int column) const;
  [[nodiscard]] std::string bytes(int column) const;

 private:
  friend class SqliteDatabase;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  SqliteStatement(sqlite3_stmt* statement, std::shared_ptr<const SqliteOptions> options)
      : statement_(statement), options_(std::move(options)) {}

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  std::shared_ptr<const SqliteOptions> options_;
  int bind_error_ = 0;  // SQLite's code of the first failed bind
};

class SqliteDatabase {
 public:
  // Opens or makes the file (mode 0600) in write-ahead mode with synchronous=FULL: what a returned
  // transaction() wrote survives a power cut. The file stays locked until the object is gone, so
  // that two agents never share one. Reads the whole file once to check its structure.
  // Errors, each naming the file and the way out: PermissionDenied (directory missing or not
  // writable, file read-only), DataLoss (damaged, cut to nothing, not SQLite's, other tables than
  // its version has), Conflict (another program's, an unknown version's, in use by another
  // process), Exhausted (disk full).
  [[nodiscard]] static Result<SqliteDatabase> open(SqliteOptions options);

  [[nodiscard]] Result<SqliteStatement> prepare(std::string_view sql);
  [[nodiscard]] Status execute(const std::string& sql);  // any number of statements, rows ignored

  // All that `body` writes becomes durable at once, or nothing does and the error says why.
  // Pre: not inside another transaction.
  [[nodiscard]] Status transaction(const std::function<Status()>& body);

  // Rows inserted, replaced or deleted since it was opened.
  [[nodiscard]] std::int64_t changes() const;

  // False: closing leaves the write-ahead log as it is instead of folding it into the file. For
  // who still has to find out whether the file can be trusted.
  void fold_when_closed(bool fold);

  // Makes the file smaller by at most so many pages that nothing is in. False: there are none, or
  // the file was made without SqliteOptions::gives_back. Pre: not inside a transaction.
  [[nodiscard]] Result<bool> give_back(int pages);
  // The file was removed, or another one is in its place.
  [[nodiscard]] bool moved() const;

  [[nodiscard]] const std::string& path() const { return options_->path; }

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  explicit SqliteDatabase(SqliteOptions options)
      : options_(std::make_shared<const SqliteOptions>(std::move(options))) {}

  std::shared_ptr<const SqliteOptions> options_;
  std::unique_ptr<sqlite3, Closer> database_;

  [[nodiscard]] Status connect();
  [[nodiscard]] Result<int> check_identity();  // the file's version; 0: it is still empty
  [[nodiscard]] Status check_structure();
  // The upgrade that these tables need; nullptr: none does, or there are no tables yet.
  [[nodiscard]] Result<const SqliteUpgrade*> check_tables(int version);
  [[nodiscard]] Status upgrade(int version, const SqliteUpgrade* older);
  [[nodiscard]] Status configure();
  [[nodiscard]] Status create_schema();
  [[nodiscard]] Result<std::int64_t> read_number(std::string_view sql);
};

}  // namespace muster
