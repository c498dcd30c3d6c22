// How do vote, log and snapshot lie in the tables of consensus.db?
//
// A driver (SQLite, through base/sqlite_database.h). One object belongs to one thread at a time.
// Every row carries a checksum over all of its fields and, where it is part of a write, the number
// of that write. Nothing here begins a transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/raft_types.h"
#include "base/sqlite_database.h"

namespace muster::failover {

inline constexpr std::uint32_t kLogApplication = 0x6d757267;  // "murg"
inline constexpr int kLogVersion = 3;
extern const char* const kLogStateTable;
extern const char* const kLogOtherTables;
inline std::string log_schema() { return std::string(kLogStateTable) + kLogOtherTables; }

inline constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

struct StateRow {
  std::string cluster;  // the name of the one that it belongs to
  raft::Term term = 0;
  MasterId voted_for = 0;
  MasterId self = 0;  // whose log it is; 0: not written down yet
  std::uint64_t write = 0;
};

struct SnapshotRow {
  raft::SnapshotMeta meta;
  std::uint64_t generation = 0;  // of its pieces
  std::uint64_t bytes = 0;       // of all pieces
  std::uint64_t sum = 0;         // fnv1a64 of all pieces, one after the other
  std::uint64_t write = 0;
};

// Writes rows. Must not be used after its database was closed.
class LogRows {
 public:
  [[nodiscard]] static Result<LogRows> prepare(SqliteDatabase& database);

  [[nodiscard]] Status put_state(const StateRow& row);
  [[nodiscard]] Status put_entry(raft::Index index, const raft::Entry& entry, std::uint64_t write);
  [[nodiscard]] Status drop_entries_from(raft::Index first);
  [[nodiscard]] Status drop_entries_below(raft::Index end, int rows_max);
  [[nodiscard]] Status put_piece(std::uint64_t generation, std::uint64_t position,
                                 std::string_view bytes);
  // Pieces of other generations than `keep` that are older than `before`.
  [[nodiscard]] Status drop_pieces(std::uint64_t keep, std::uint64_t before, int rows_max);
  [[nodiscard]] Status put_snapshot(const SnapshotRow& row);

 private:
  struct Statements {
    SqliteStatement put_state;
    SqliteStatement put_entry;
    SqliteStatement drop_from;
    SqliteStatement drop_below;
    SqliteStatement put_piece;
    SqliteStatement drop_pieces;
    SqliteStatement put_snapshot;
    SqliteStatement drop_servers;
    SqliteStatement put_server;
  };
  Statements statements_;

  explicit LogRows(Statements statements) : statements_(std::move(statements)) {}
};

// Reads rows, each checked against its checksum. What is wrong is told with DataLoss and a text
// that names the row and neither the file nor the way out; what SQLite says has both.
[[nodiscard]] Result<std::optional<StateRow>> read_state(SqliteDatabase& database);
[[nodiscard]] Result<std::optional<SnapshotRow>> read_snapshot(SqliteDatabase& database);
[[nodiscard]] Result<std::string> read_pieces(SqliteDatabase& database, const SnapshotRow& row);
struct EntryRows {
  raft::Index first = 0;  // 0: none
  std::vector<raft::Entry> entries;
  std::uint64_t write = 0;  // of the last one
};
[[nodiscard]] Result<EntryRows> read_entries(SqliteDatabase& database);
// 0: there is none.
[[nodiscard]] Result<std::uint64_t> newest_generation(SqliteDatabase& database);

}  // namespace muster::failover
