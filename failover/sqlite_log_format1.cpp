#include "failover/sqlite_log_format1.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "failover/log_checksum.h"
#include "failover/sqlite_log_rows.h"

namespace muster::failover {
namespace {

struct Found {
  StateRow state;
  raft::SnapshotMeta snapshot;  // index 0: none
  std::string data;
  raft::Index first = 0;
  std::vector<raft::Entry> entries;
};

tl::unexpected<Error> wrong(std::string what) { return fail(Code::DataLoss, std::move(what)); }

Result<bool> read_state(SqliteDatabase& database, StateRow& state) {
  auto read =
      database.prepare("SELECT masters_digest, masters, term, voted_for, checksum FROM state");
  if (!read) return tl::unexpected(read.error());
  const auto row = read->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return false;
  state.term = read->uint64(2);
  state.voted_for = read->uint64(3);
  state.write = 1;
  const std::uint64_t sum = Checksum()
                                .add(read->uint64(0))
                                .add(read->bytes(1))
                                .add(state.term)
                                .add(state.voted_for)
                                .value();
  if (read->uint64(4) != sum) return wrong("the vote does not match its checksum");
  return true;
}

Status read_snapshot(SqliteDatabase& database, Found& found) {
  auto read = database.prepare("SELECT idx, term, configuration_idx, checksum, data FROM snapshot");
  if (!read) return tl::unexpected(read.error());
  const auto row = read->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return {};
  found.snapshot = {read->uint64(0), read->uint64(1), read->uint64(2), {}};
  const std::uint64_t wanted = read->uint64(3);
  found.data = read->bytes(4);
  auto servers = database.prepare("SELECT id, address, voter FROM servers ORDER BY position");
  if (!servers) return tl::unexpected(servers.error());
  auto server = servers->step();
  for (; server && *server; server = servers->step()) {
    found.snapshot.configuration.push_back(
        {servers->uint64(0), servers->bytes(1), servers->int64(2) != 0});
  }
  if (!server) return tl::unexpected(server.error());
  Checksum sum;
  add_snapshot(sum, found.snapshot);
  if (found.snapshot.index == 0 || wanted != sum.add(found.data).value()) {
    return wrong("the snapshot at index " + std::to_string(found.snapshot.index) +
                 " does not match its checksum");
  }
  return {};
}

Status read_entries(SqliteDatabase& database, Found& found) {
  auto read = database.prepare("SELECT idx, term, type, checksum, data FROM entries ORDER BY idx");
  if (!read) return tl::unexpected(read.error());
  raft::Index next = 0;
  auto row = read->step();
  for (; row && *row; row = read->step(), ++next) {
    const raft::Index index = read->uint64(0);
    if (next == 0) found.first = next = index;
    if (index == 0 || index != next) return wrong("entry " + std::to_string(next) + " is missing");
    const std::int64_t type = read->int64(2);
    if (!is_entry_type(type)) {
      return wrong("entry " + std::to_string(index) + " does not match its checksum");
    }
    raft::Entry entry{read->uint64(1), static_cast<raft::EntryType>(type),
                      std::make_shared<const std::string>(read->bytes(4))};
    Checksum sum;
    add_entry(sum, index, entry);
    if (read->uint64(3) != sum.value()) {
      return wrong("entry " + std::to_string(index) + " does not match its checksum");
    }
    found.entries.push_back(std::move(entry));
  }
  if (!row) return tl::unexpected(row.error());
  return {};
}

Status write(SqliteDatabase& database, const Found& found) {
  Status done = database.execute(
      "DROP TABLE state; DROP TABLE entries; DROP TABLE snapshot; DROP TABLE servers");
  if (done) done = database.execute(log_schema());
  if (!done) return done;
  auto rows = LogRows::prepare(database);
  if (!rows) return tl::unexpected(rows.error());
  done = rows->put_state(found.state);
  raft::Index index = found.first;
  for (const raft::Entry& entry : found.entries) {
    if (done) done = rows->put_entry(index++, entry, 1);
  }
  if (!done || found.snapshot.index == 0) return done;
  const std::string_view data = found.data;
  for (std::uint64_t at = 0; at * kPieceBytes < data.size(); ++at) {
    if (done) done = rows->put_piece(1, at, data.substr(at * kPieceBytes, kPieceBytes));
  }
  if (!done) return done;
  return rows->put_snapshot({found.snapshot, 1, data.size(), fnv1a64(data), 1});
}

Result<bool> read(SqliteDatabase& database, Found& found) {
  const auto begun = read_state(database, found.state);
  if (!begun) return begun;
  Status done = read_snapshot(database, found);
  if (done) done = read_entries(database, found);
  if (!done) return tl::unexpected(done.error());
  if (!*begun && (found.first != 0 || found.snapshot.index != 0)) {
    return wrong("the vote is missing");
  }
  const raft::Index snapshot = found.snapshot.index;
  if (found.first > snapshot + 1) {
    return wrong("entry " + std::to_string(snapshot + 1) + " is missing");
  }
  if (found.first != 0 && found.first + found.entries.size() <= snapshot) {
    return wrong("entry " + std::to_string(snapshot) + " is missing");
  }
  return begun;
}

}  // namespace

const char* const kLogSchema1 = R"(
CREATE TABLE state(
  one INTEGER PRIMARY KEY CHECK(one = 1), masters_digest INTEGER NOT NULL, masters TEXT NOT NULL,
  term INTEGER NOT NULL, voted_for INTEGER NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE entries(
  idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, type INTEGER NOT NULL,
  checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE snapshot(
  one INTEGER PRIMARY KEY CHECK(one = 1), idx INTEGER NOT NULL, term INTEGER NOT NULL,
  configuration_idx INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE servers(
  position INTEGER PRIMARY KEY, id INTEGER NOT NULL, address TEXT NOT NULL,
  voter INTEGER NOT NULL))";

Status upgrade_format1(SqliteDatabase& database, const std::string& cluster,
                       const std::string& if_damaged) {
  Found found;
  found.state.cluster = cluster;
  const auto begun = read(database, found);
  if (!begun) {
    return fail(begun.error().code, "the raft log " + database.path() +
                                        " cannot be trusted: " + begun.error().text +
                                        "; nothing was changed: " + if_damaged);
  }
  // Without a vote it is as good as new; the owner fills it.
  if (!*begun) {
    return database.execute(
        std::string("DROP TABLE state; DROP TABLE entries; DROP TABLE snapshot; "
                    "DROP TABLE servers; ") +
        log_schema());
  }
  return write(database, found);
}

}  // namespace muster::failover
