// How does muster keep rows in one SQLite file without losing any?
//
// A driver (libsqlite3) that the other sqlite_ drivers build on. One object and its statements
// belong to one thread at a time; every call may block on the disk. It never makes directories,
// never migrates or repairs a file, and changes nothing in a file that is not its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace muster {

struct SqliteOptions {
  std::string path;
  std::string what;                  // for error texts: "the raft log"
  std::uint32_t application_id = 0;  // in the file's header; tells whose file it is; not 0
  int version = 1;                   // of the schema; a file with another one is refused
  std::string schema;                // SQL that fills an empty file
  int max_pages = 0;                 // 0: no limit; > 0: the file counts as full at this size
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
  // writable, file read-only), DataLoss (damaged, cut to nothing, not SQLite's), Conflict (another
  // program's, another version's, in use by another process), Exhausted (disk full).
  [[nodiscard]] static Result<SqliteDatabase> open(SqliteOptions options);

  [[nodiscard]] Result<SqliteStatement> prepare(std::string_view sql);
  [[nodiscard]] Status execute(const std::string& sql);  // any number of statements, rows ignored

  // All that `body` writes becomes durable at once, or nothing does and the error says why.
  // Pre: not inside another transaction.
  [[nodiscard]] Status transaction(const std::function<Status()>& body);

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
  [[nodiscard]] Result<bool> check_identity();  // true: the file is still empty
  [[nodiscard]] Status check_structure();
  [[nodiscard]] Status configure();
  [[nodiscard]] Status create_schema();
  [[nodiscard]] Result<std::int64_t> read_number(std::string_view sql);
};

}  // namespace muster
