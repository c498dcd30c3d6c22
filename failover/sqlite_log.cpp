#include "failover/sqlite_log.h"

#include <chrono>
#include <iterator>
#include <utility>

namespace muster::failover {
namespace {

constexpr auto kRetryAfter = std::chrono::milliseconds(250);

// Blobs come last: reading the short columns then does not walk over them.
constexpr const char* kSchema = R"(
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

class Checksum {
 public:
  Checksum& add(std::uint64_t number) {
    char bytes[8];
    for (char& byte : bytes) {
      byte = static_cast<char>(number & 0xff);
      number >>= 8;
    }
    value_ = fnv1a64({bytes, sizeof bytes}, value_);
    return *this;
  }
  Checksum& add(std::string_view bytes) {
    add(std::uint64_t{bytes.size()});
    value_ = fnv1a64(bytes, value_);
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = kFnvOffset;
};

std::uint64_t state_checksum(std::uint64_t digest, std::string_view masters, raft::Term term,
                             MasterId voted_for) {
  return Checksum().add(digest).add(masters).add(term).add(voted_for).value();
}

std::uint64_t entry_checksum(raft::Index index, const raft::Entry& entry) {
  return Checksum()
      .add(index)
      .add(entry.term)
      .add(static_cast<std::uint64_t>(entry.type))
      .add(*entry.data)
      .value();
}

std::uint64_t snapshot_checksum(const raft::SnapshotMeta& meta, std::string_view data) {
  Checksum sum;
  sum.add(meta.index).add(meta.term).add(meta.configuration_index);
  for (const raft::Server& server : meta.configuration) {
    sum.add(server.id).add(server.address).add(std::uint64_t{server.voter ? 1U : 0U});
  }
  return sum.add(data).value();
}

bool known_type(std::int64_t type) { return type >= 1 && type <= 3; }

}  // namespace

Result<std::unique_ptr<SqliteLog>> SqliteLog::open(const std::string& path,
                                                   std::uint64_t masters_digest,
                                                   const std::string& masters_text, int max_pages) {
  auto database = SqliteDatabase::open(SqliteOptions{.path = path,
                                                     .what = "the raft log",
                                                     .application_id = 0x6d757267,  // "murg"
                                                     .version = 1,
                                                     .schema = kSchema,
                                                     .max_pages = max_pages});
  if (!database) return tl::unexpected(database.error());
  std::unique_ptr<SqliteLog> log(new SqliteLog(std::move(*database), masters_digest, masters_text));
  if (Status done = log->check_masters(); !done) return tl::unexpected(done.error());
  if (Status done = log->prepare(); !done) return tl::unexpected(done.error());
  return log;
}

SqliteLog::~SqliteLog() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Status SqliteLog::check_masters() {
  auto read =
      database_.prepare("SELECT masters_digest, masters, term, voted_for, checksum FROM state");
  if (!read) return tl::unexpected(read.error());
  const auto row = read->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return begin_with_masters();
  const std::uint64_t digest = read->uint64(0);
  const std::string masters = read->bytes(1);
  if (read->uint64(4) != state_checksum(digest, masters, read->uint64(2), read->uint64(3))) {
    return damaged("the vote does not match its checksum");
  }
  if (digest != masters_digest_) {
    return fail(Code::Conflict,
                "the raft log " + database_.path() + " began with the masters " + masters +
                    " but the configuration now names " + masters_text_ +
                    "; put the old list back, or move the data directory away to join another "
                    "cluster");
  }
  masters_text_ = masters;  // the spelling that the checksum covers
  return {};
}

Status SqliteLog::begin_with_masters() {
  auto used = database_.prepare(
      "SELECT 1 WHERE EXISTS(SELECT 1 FROM entries) OR EXISTS(SELECT 1 FROM snapshot)");
  if (!used) return tl::unexpected(used.error());
  const auto row = used->step();
  if (!row) return tl::unexpected(row.error());
  if (*row) return damaged("the vote is missing");
  used->reset();
  auto insert = database_.prepare(
      "INSERT INTO state(one, masters_digest, masters, term, voted_for, checksum) "
      "VALUES(1, ?, ?, 0, 0, ?)");
  if (!insert) return tl::unexpected(insert.error());
  return insert->bind(1, masters_digest_)
      .bind_text(2, masters_text_)
      .bind(3, state_checksum(masters_digest_, masters_text_, 0, 0))
      .run();
}

Status SqliteLog::prepare() {
  const char* const texts[] = {
      "UPDATE state SET term = ?, voted_for = ?, checksum = ? WHERE one = 1",
      "DELETE FROM entries WHERE idx >= ?",
      "INSERT INTO entries(idx, term, type, checksum, data) VALUES(?, ?, ?, ?, ?)",
      "DELETE FROM entries WHERE idx < ?",
      "INSERT OR REPLACE INTO snapshot(one, idx, term, configuration_idx, checksum, data) "
      "VALUES(1, ?, ?, ?, ?, ?)",
      "DELETE FROM servers",
      "INSERT INTO servers(position, id, address, voter) VALUES(?, ?, ?, ?)"};
  std::vector<SqliteStatement> made;
  for (const char* text : texts) {
    auto statement = database_.prepare(text);
    if (!statement) return tl::unexpected(statement.error());
    made.push_back(std::move(*statement));
  }
  statements_.emplace(Statements{std::move(made[0]), std::move(made[1]), std::move(made[2]),
                                 std::move(made[3]), std::move(made[4]), std::move(made[5]),
                                 std::move(made[6])});
  return {};
}

tl::unexpected<Error> SqliteLog::damaged(const std::string& what) const {
  return fail(Code::DataLoss, "the raft log " + database_.path() + " cannot be trusted: " + what +
                                  "; nothing was changed: while a majority of the other masters is "
                                  "healthy move it away and restart to copy everything from them, "
                                  "otherwise restore it from a backup");
}

Result<raft::Stored> SqliteLog::load() {
  CHECK(!thread_.joinable());
  raft::Stored stored;
  if (Status done = load_vote(stored); !done) return tl::unexpected(done.error());
  if (Status done = load_snapshot(stored); !done) return tl::unexpected(done.error());
  if (Status done = load_entries(stored); !done) return tl::unexpected(done.error());
  return stored;
}

Status SqliteLog::load_vote(raft::Stored& stored) {
  auto read =
      database_.prepare("SELECT term, voted_for FROM state");  // check_masters() verified it
  if (!read) return tl::unexpected(read.error());
  const auto row = read->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return damaged("the vote is missing");
  stored.term = read->uint64(0);
  stored.voted_for = read->uint64(1);
  return {};
}

Status SqliteLog::load_snapshot(raft::Stored& stored) {
  auto read =
      database_.prepare("SELECT idx, term, configuration_idx, checksum, data FROM snapshot");
  if (!read) return tl::unexpected(read.error());
  const auto row = read->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return {};
  raft::SnapshotMeta& meta = stored.snapshot;
  meta.index = read->uint64(0);
  meta.term = read->uint64(1);
  meta.configuration_index = read->uint64(2);
  const std::uint64_t checksum = read->uint64(3);
  stored.snapshot_data = std::make_shared<const std::string>(read->bytes(4));

  auto servers = database_.prepare("SELECT id, address, voter FROM servers ORDER BY position");
  if (!servers) return tl::unexpected(servers.error());
  auto server = servers->step();
  for (; server && *server; server = servers->step()) {
    meta.configuration.push_back({servers->uint64(0), servers->bytes(1), servers->int64(2) != 0});
  }
  if (!server) return tl::unexpected(server.error());
  if (meta.index == 0 || checksum != snapshot_checksum(meta, *stored.snapshot_data)) {
    return damaged("the snapshot at index " + std::to_string(meta.index) +
                   " does not match its checksum");
  }
  return {};
}

Status SqliteLog::load_entries(raft::Stored& stored) {
  stored.first = stored.snapshot.index + 1;
  auto read = database_.prepare("SELECT idx, term, type, checksum, data FROM entries ORDER BY idx");
  if (!read) return tl::unexpected(read.error());
  raft::Index next = 0;
  auto row = read->step();
  for (; row && *row; row = read->step()) {
    const raft::Index index = read->uint64(0);
    if (next == 0) {
      if (index == 0 || index > stored.first) {
        return damaged("entry " + std::to_string(stored.first) + " is missing");
      }
      stored.first = next = index;
    }
    if (index != next) return damaged("entry " + std::to_string(next) + " is missing");
    const std::int64_t type = read->int64(2);
    raft::Entry entry{read->uint64(1), static_cast<raft::EntryType>(known_type(type) ? type : 1),
                      std::make_shared<const std::string>(read->bytes(4))};
    if (!known_type(type) || read->uint64(3) != entry_checksum(index, entry)) {
      return damaged("entry " + std::to_string(index) + " does not match its checksum");
    }
    stored.entries.push_back(std::move(entry));
    ++next;
  }
  if (!row) {
    if (row.error().code != Code::DataLoss) return tl::unexpected(row.error());
    return damaged("entry " + std::to_string(next == 0 ? stored.first : next) +
                   " cannot be read (" + row.error().text + ")");
  }
  if (next != 0 && next <= stored.snapshot.index) {
    return damaged("entry " + std::to_string(next) + " is missing");
  }
  return {};
}

void SqliteLog::start(Callbacks callbacks) {
  CHECK(!thread_.joinable() && callbacks.on_durable && callbacks.on_health);
  callbacks_ = std::move(callbacks);
  thread_ = std::thread([this] { run(); });
}

void SqliteLog::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void SqliteLog::run() {
  std::vector<Job> jobs;
  std::unique_lock lock(mutex_);
  while (true) {
    if (jobs.empty()) {
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    } else {  // the disk failed: jobs that came meanwhile do not shorten the wait
      wake_.wait_for(lock, kRetryAfter, [&] { return stopping_; });
    }
    const bool last = stopping_;
    jobs.insert(jobs.end(), std::make_move_iterator(queue_.begin()),
                std::make_move_iterator(queue_.end()));
    queue_.clear();
    if (jobs.empty()) return;
    lock.unlock();
    if (write_or_report(jobs)) jobs.clear();
    lock.lock();
    if (last && !jobs.empty()) return;
  }
}

bool SqliteLog::write_or_report(const std::vector<Job>& jobs) {
  const Status done = database_.transaction([&]() -> Status {
    for (const Job& job : jobs) {
      Status written = std::visit([this](const auto& body) { return write(body); }, job.body);
      if (!written) return written;
    }
    return {};
  });
  if (done.has_value() == failing_) {
    failing_ = !failing_;
    callbacks_.on_health(failing_, failing_ ? done.error() : Error{});
  }
  if (!done) return false;
  std::vector<std::uint64_t> tickets;
  tickets.reserve(jobs.size());
  for (const Job& job : jobs) tickets.push_back(job.ticket);
  callbacks_.on_durable(std::move(tickets));
  return true;
}

Status SqliteLog::write(const SaveVote& vote) {
  const std::uint64_t checksum =
      state_checksum(masters_digest_, masters_text_, vote.term, vote.voted_for);
  return statements_->save_vote.bind(1, vote.term).bind(2, vote.voted_for).bind(3, checksum).run();
}

Status SqliteLog::write(const AppendEntries& append) {
  CHECK(append.first > 0);
  if (Status done = statements_->drop_from.bind(1, append.first).run(); !done) return done;
  raft::Index index = append.first;
  for (const raft::Entry& entry : append.entries) {
    CHECK(entry.data != nullptr);
    Status done = statements_->insert_entry.bind(1, index)
                      .bind(2, entry.term)
                      .bind(3, static_cast<std::uint64_t>(entry.type))
                      .bind(4, entry_checksum(index, entry))
                      .bind_blob(5, *entry.data)
                      .run();
    if (!done) return done;
    ++index;
  }
  return {};
}

Status SqliteLog::write(const PutSnapshot& snapshot) {
  CHECK(snapshot.meta.index > 0 && snapshot.data != nullptr);
  const raft::SnapshotMeta& meta = snapshot.meta;
  Status done = statements_->put_snapshot.bind(1, meta.index)
                    .bind(2, meta.term)
                    .bind(3, meta.configuration_index)
                    .bind(4, snapshot_checksum(meta, *snapshot.data))
                    .bind_blob(5, *snapshot.data)
                    .run();
  if (done) done = statements_->drop_servers.run();
  std::int64_t position = 0;
  for (const raft::Server& server : meta.configuration) {
    if (!done) return done;
    done = statements_->insert_server.bind(1, ++position)
               .bind(2, server.id)
               .bind_text(3, server.address)
               .bind(4, std::int64_t{server.voter ? 1 : 0})
               .run();
  }
  if (!done) return done;
  if (snapshot.keep_from == 0) return statements_->drop_from.bind(1, std::int64_t{0}).run();
  return statements_->drop_below.bind(1, snapshot.keep_from).run();
}

}  // namespace muster::failover
