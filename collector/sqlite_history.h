// Where does a node keep its history, and what if that place fails?
//
// Driver (SQLite, through base/sqlite_database.h; renames files). One thread at a time, never the
// control thread. The history is worth less than the agent: a file that is damaged is put aside and
// begun anew, a disk that is full is waited for, and neither stops anything else.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/sqlite_database.h"
#include "base/time.h"
#include "collector/history.h"

namespace muster::collector {

struct HistoryNotice {
  bool trouble = false;
  std::string text;
};

class SqliteHistory {
 public:
  // Does not touch the disk. Pre: options.interval > 0.
  SqliteHistory(std::string path, const HistoryOptions& options);

  // Kept in memory until flush().
  void add(WallTime at, const Measured& values);

  // Opens the file if it is not open, writes what is new, downsamples, and removes what is too old
  // or too much. Tells, once, that it stopped working, and that it works again; a file that is
  // damaged is renamed to PATH.damaged, in the place of an older one, and cut to a quarter of
  // max_bytes; one that was removed or replaced is begun anew, or gone on with.
  [[nodiscard]] std::vector<HistoryNotice> flush();
  // The last flush() left some of what is too old or too much for the next, which may come at once.
  [[nodiscard]] bool unfinished() const { return unfinished_; }

  // The column of one series from `from` to `to` in steps of `step`, of what is on disk and what is
  // not yet. Pre: step is at least a millisecond.
  [[nodiscard]] Result<HistoryGrid> read(const std::string& series, WallTime from, WallTime to,
                                         Duration step);
  // The newest measurement's; nothing when it has no such series. Opens the file, if there is one.
  [[nodiscard]] Result<std::optional<HistoryPoint>> newest(const std::string& series);
  // The names of all series that there are.
  [[nodiscard]] Result<std::set<std::string>> series();

  [[nodiscard]] static SqliteOptions options(const std::string& path, std::uint64_t max_bytes);

 private:
  struct File {  // the statements go before their database
    SqliteDatabase database;
    SqliteStatement save_block, save_column, drop_block, drop_columns, list, read, columns;
  };
  [[nodiscard]] Status open();
  [[nodiscard]] Status write();
  [[nodiscard]] Status save_tail();
  [[nodiscard]] Status save(const HistoryBlock& block);
  [[nodiscard]] Status drop(std::uint64_t id);
  [[nodiscard]] Status downsample();
  [[nodiscard]] Status merge(const std::vector<BlockInfo>& stored,
                             const std::vector<std::uint64_t>& ids);
  [[nodiscard]] Status make_room();
  [[nodiscard]] Result<bool> shrink();
  [[nodiscard]] Result<HistoryBlock> load(const BlockInfo& info);
  [[nodiscard]] Result<std::vector<BlockInfo>> stored();
  [[nodiscard]] Result<std::int64_t> number(std::string_view sql);
  [[nodiscard]] Result<std::string> put_aside();
  [[nodiscard]] std::uint64_t keep_aside() const;
  [[nodiscard]] bool lost_file();
  [[nodiscard]] tl::unexpected<Error> met(const Error& error);

  std::string path_;
  HistoryOptions options_;
  HistoryTail tail_;
  std::optional<File> file_;  // nothing: not opened yet, or given up
  int pages_max_ = 0;         // of the file
  int steps_ = 0;             // that this flush may still take
  bool unfinished_ = false;
  bool failing_ = false;  // and that was told
  Status damage_;         // that a reader found
};

}  // namespace muster::collector
