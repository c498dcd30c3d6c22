#include "failover/sqlite_log_format2.h"

#include <string>
#include <utility>

#include "failover/log_checksum.h"

namespace muster::failover {

namespace {

const char* const kStateTable = R"(
CREATE TABLE state(
  one INTEGER PRIMARY KEY CHECK(one = 1), cluster TEXT NOT NULL, term INTEGER NOT NULL,
  voted_for INTEGER NOT NULL, write INTEGER NOT NULL, checksum INTEGER NOT NULL);)";

}  // namespace

std::string log_schema2() { return std::string(kStateTable) + kLogOtherTables; }

Result<std::optional<StateRow>> read_state_format2(SqliteDatabase& database) {
  auto read = database.prepare("SELECT cluster, term, voted_for, write, checksum FROM state");
  if (!read) return tl::unexpected(read.error());
  const auto found = read->step();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::optional<StateRow>();
  StateRow row;
  row.cluster = read->bytes(0);
  row.term = read->uint64(1);
  row.voted_for = read->uint64(2);
  row.write = read->uint64(3);
  const std::uint64_t sum =
      Checksum().add(row.cluster).add(row.term).add(row.voted_for).add(row.write).value();
  if (read->uint64(4) != sum) {
    return fail(Code::DataLoss, "the vote does not match its checksum");
  }
  return std::optional<StateRow>(std::move(row));
}

Status upgrade_format2(SqliteDatabase& database, const std::optional<StateRow>& state) {
  if (Status done = database.execute(std::string("DROP TABLE state; ") + kLogStateTable); !done) {
    return done;
  }
  if (!state) return {};
  auto rows = LogRows::prepare(database);
  if (!rows) return tl::unexpected(rows.error());
  return rows->put_state(*state);
}

}  // namespace muster::failover
