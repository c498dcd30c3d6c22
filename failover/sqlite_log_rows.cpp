#include "failover/sqlite_log_rows.h"

#include <utility>
#include <vector>

#include "failover/log_checksum.h"

namespace muster::failover {
namespace {

constexpr unsigned kPositionBits = 20;  // a terabyte of pieces

std::int64_t piece_id(std::uint64_t generation, std::uint64_t position) {
  return static_cast<std::int64_t>((generation << kPositionBits) + position);
}

std::uint64_t checksum(const StateRow& row) {
  return Checksum()
      .add(row.cluster)
      .add(row.term)
      .add(row.voted_for)
      .add(row.self)
      .add(row.write)
      .value();
}

std::uint64_t checksum(raft::Index index, const raft::Entry& entry, std::uint64_t write) {
  Checksum sum;
  add_entry(sum, index, entry);
  return sum.add(write).value();
}

std::uint64_t checksum(const SnapshotRow& row) {
  Checksum sum;
  add_snapshot(sum, row.meta);
  return sum.add(row.generation).add(row.bytes).add(row.sum).add(row.write).value();
}

std::uint64_t piece_checksum(std::int64_t id, std::string_view bytes) {
  return Checksum().add(static_cast<std::uint64_t>(id)).add(bytes).value();
}

tl::unexpected<Error> wrong(std::string what) { return fail(Code::DataLoss, std::move(what)); }

}  // namespace

// Blobs come last: reading the short columns then does not walk over them.
const char* const kLogStateTable = R"(
CREATE TABLE state(
  one INTEGER PRIMARY KEY CHECK(one = 1), cluster TEXT NOT NULL, term INTEGER NOT NULL,
  voted_for INTEGER NOT NULL, self INTEGER NOT NULL, write INTEGER NOT NULL,
  checksum INTEGER NOT NULL);)";
const char* const kLogOtherTables = R"(
CREATE TABLE entries(
  idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, type INTEGER NOT NULL, write INTEGER NOT NULL,
  checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE snapshot(
  one INTEGER PRIMARY KEY CHECK(one = 1), idx INTEGER NOT NULL, term INTEGER NOT NULL,
  configuration_idx INTEGER NOT NULL, generation INTEGER NOT NULL, bytes INTEGER NOT NULL,
  sum INTEGER NOT NULL, write INTEGER NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE servers(
  position INTEGER PRIMARY KEY, id INTEGER NOT NULL, address TEXT NOT NULL,
  voter INTEGER NOT NULL);
CREATE TABLE pieces(
  id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, data BLOB NOT NULL))";

// --- writing ----------------------------------------------------------------------------------

Result<LogRows> LogRows::prepare(SqliteDatabase& database) {
  const char* const texts[] = {
      "INSERT OR REPLACE INTO state(one, cluster, term, voted_for, self, write, checksum) "
      "VALUES(1, ?, ?, ?, ?, ?, ?)",
      "INSERT INTO entries(idx, term, type, write, checksum, data) VALUES(?, ?, ?, ?, ?, ?)",
      "DELETE FROM entries WHERE idx >= ?",
      "DELETE FROM entries WHERE idx IN (SELECT idx FROM entries WHERE idx < ? ORDER BY idx "
      "LIMIT ?)",
      "INSERT INTO pieces(id, checksum, data) VALUES(?, ?, ?)",
      "DELETE FROM pieces WHERE id IN (SELECT id FROM pieces WHERE id < ?1 OR (id >= ?2 AND id < "
      "?3) LIMIT ?4)",
      "INSERT OR REPLACE INTO snapshot(one, idx, term, configuration_idx, generation, bytes, sum, "
      "write, checksum) VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?)",
      "DELETE FROM servers",
      "INSERT INTO servers(position, id, address, voter) VALUES(?, ?, ?, ?)"};
  std::vector<SqliteStatement> made;
  for (const char* text : texts) {
    auto statement = database.prepare(text);
    if (!statement) return tl::unexpected(statement.error());
    made.push_back(std::move(*statement));
  }
  return LogRows(Statements{std::move(made[0]), std::move(made[1]), std::move(made[2]),
                            std::move(made[3]), std::move(made[4]), std::move(made[5]),
                            std::move(made[6]), std::move(made[7]), std::move(made[8])});
}

Status LogRows::put_state(const StateRow& row) {
  return statements_.put_state.bind_text(1, row.cluster)
      .bind(2, row.term)
      .bind(3, row.voted_for)
      .bind(4, row.self)
      .bind(5, row.write)
      .bind(6, checksum(row))
      .run();
}

Status LogRows::put_entry(raft::Index index, const raft::Entry& entry, std::uint64_t write) {
  CHECK(entry.data != nullptr);
  return statements_.put_entry.bind(1, index)
      .bind(2, entry.term)
      .bind(3, static_cast<std::uint64_t>(entry.type))
      .bind(4, write)
      .bind(5, checksum(index, entry, write))
      .bind_blob(6, *entry.data)
      .run();
}

Status LogRows::drop_entries_from(raft::Index first) {
  return statements_.drop_from.bind(1, first).run();
}

Status LogRows::drop_entries_below(raft::Index end, int rows_max) {
  return statements_.drop_below.bind(1, end).bind(2, std::int64_t{rows_max}).run();
}

Status LogRows::put_piece(std::uint64_t generation, std::uint64_t position,
                          std::string_view bytes) {
  CHECK(position < (std::uint64_t{1} << kPositionBits));
  const std::int64_t id = piece_id(generation, position);
  return statements_.put_piece.bind(1, id)
      .bind(2, piece_checksum(id, bytes))
      .bind_blob(3, bytes)
      .run();
}

Status LogRows::drop_pieces(std::uint64_t keep, std::uint64_t before, int rows_max) {
  return statements_.drop_pieces.bind(1, piece_id(keep, 0))
      .bind(2, piece_id(keep + 1, 0))
      .bind(3, piece_id(before, 0))
      .bind(4, std::int64_t{rows_max})
      .run();
}

Status LogRows::put_snapshot(const SnapshotRow& row) {
  Status done = statements_.put_snapshot.bind(1, row.meta.index)
                    .bind(2, row.meta.term)
                    .bind(3, row.meta.configuration_index)
                    .bind(4, row.generation)
                    .bind(5, row.bytes)
                    .bind(6, row.sum)
                    .bind(7, row.write)
                    .bind(8, checksum(row))
                    .run();
  if (done) done = statements_.drop_servers.run();
  std::int64_t position = 0;
  for (const raft::Server& server : row.meta.configuration) {
    if (!done) return done;
    done = statements_.put_server.bind(1, ++position)
               .bind(2, server.id)
               .bind_text(3, server.address)
               .bind(4, std::int64_t{server.voter ? 1 : 0})
               .run();
  }
  return done;
}

// --- reading ----------------------------------------------------------------------------------

Result<std::optional<StateRow>> read_state(SqliteDatabase& database) {
  auto read = database.prepare("SELECT cluster, term, voted_for, self, write, checksum FROM state");
  if (!read) return tl::unexpected(read.error());
  const auto row = read->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<StateRow>();
  StateRow state{read->bytes(0), read->uint64(1), read->uint64(2), read->uint64(3),
                 read->uint64(4)};
  if (read->uint64(5) != checksum(state)) return wrong("the vote does not match its checksum");
  return std::optional<StateRow>(std::move(state));
}

Result<std::optional<SnapshotRow>> read_snapshot(SqliteDatabase& database) {
  auto read = database.prepare(
      "SELECT idx, term, configuration_idx, generation, bytes, sum, write, checksum FROM snapshot");
  if (!read) return tl::unexpected(read.error());
  const auto found = read->step();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::optional<SnapshotRow>();
  SnapshotRow row{{read->uint64(0), read->uint64(1), read->uint64(2), {}},
                  read->uint64(3),
                  read->uint64(4),
                  read->uint64(5),
                  read->uint64(6)};
  const std::uint64_t wanted = read->uint64(7);
  auto servers = database.prepare("SELECT id, address, voter FROM servers ORDER BY position");
  if (!servers) return tl::unexpected(servers.error());
  auto server = servers->step();
  for (; server && *server; server = servers->step()) {
    row.meta.configuration.push_back(
        {servers->uint64(0), servers->bytes(1), servers->int64(2) != 0});
  }
  if (!server) return tl::unexpected(server.error());
  if (row.meta.index == 0 || wanted != checksum(row)) {
    return wrong("the snapshot at index " + std::to_string(row.meta.index) +
                 " does not match its checksum");
  }
  return std::optional<SnapshotRow>(std::move(row));
}

Result<std::string> read_pieces(SqliteDatabase& database, const SnapshotRow& row) {
  auto read = database.prepare(
      "SELECT id, checksum, data FROM pieces WHERE id >= ? AND id < ? ORDER BY id");
  if (!read) return tl::unexpected(read.error());
  read->bind(1, piece_id(row.generation, 0)).bind(2, piece_id(row.generation + 1, 0));
  const auto bad = [&row](std::uint64_t position, const char* how) {
    return wrong("piece " + std::to_string(position) + " of the snapshot at index " +
                 std::to_string(row.meta.index) + " " + how);
  };
  std::string data;
  data.reserve(row.bytes);  // its own checksum was good
  std::uint64_t position = 0;
  auto found = read->step();
  for (; found && *found; found = read->step(), ++position) {
    const std::int64_t id = read->int64(0);
    if (id != piece_id(row.generation, position)) return bad(position, "is missing");
    const std::string bytes = read->bytes(2);
    if (read->uint64(1) != piece_checksum(id, bytes)) {
      return bad(position, "does not match its checksum");
    }
    data += bytes;
  }
  if (!found) return tl::unexpected(found.error());
  if (data.size() < row.bytes) return bad(position, "is missing");
  if (data.size() != row.bytes || fnv1a64(data) != row.sum) {
    return wrong("the snapshot at index " + std::to_string(row.meta.index) +
                 " does not match its checksum");
  }
  return data;
}

Result<EntryRows> read_entries(SqliteDatabase& database) {
  auto read =
      database.prepare("SELECT idx, term, type, write, checksum, data FROM entries ORDER BY idx");
  if (!read) return tl::unexpected(read.error());
  EntryRows rows;
  raft::Index next = 0;
  auto found = read->step();
  for (; found && *found; found = read->step(), ++next) {
    const raft::Index index = read->uint64(0);
    if (next == 0) rows.first = next = index;
    if (index == 0 || index != next) return wrong("entry " + std::to_string(next) + " is missing");
    const std::int64_t type = read->int64(2);
    raft::Entry entry{read->uint64(1), static_cast<raft::EntryType>(is_entry_type(type) ? type : 1),
                      std::make_shared<const std::string>(read->bytes(5))};
    const std::uint64_t write = read->uint64(3);
    if (!is_entry_type(type) || read->uint64(4) != checksum(index, entry, write)) {
      return wrong("entry " + std::to_string(index) + " does not match its checksum");
    }
    // An older entry cannot have been written behind a newer one.
    if (write < rows.write) {
      return wrong("entry " + std::to_string(index) + " is an older one than was last written");
    }
    rows.write = write;
    rows.entries.push_back(std::move(entry));
  }
  if (!found) {
    if (found.error().code != Code::DataLoss) return tl::unexpected(found.error());
    return wrong("entry " + std::to_string(next) + " cannot be read (" + found.error().text + ")");
  }
  return rows;
}

Result<std::uint64_t> newest_generation(SqliteDatabase& database) {
  auto read = database.prepare("SELECT max(id) FROM pieces");
  if (!read) return tl::unexpected(read.error());
  const auto found = read->step();
  if (!found) return tl::unexpected(found.error());
  return *found ? read->uint64(0) >> kPositionBits : 0;
}

}  // namespace muster::failover
