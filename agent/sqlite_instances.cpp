#include "agent/sqlite_instances.h"

#include <utility>

#include "base/protobuf_codec.h"

namespace muster::agent {
namespace {

// Of the first agents.
constexpr const char* kSchema1 = R"(
CREATE TABLE instances(
  id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, start_time INTEGER NOT NULL,
  restarts INTEGER NOT NULL, kernel_boot TEXT NOT NULL, checksum INTEGER NOT NULL,
  assignment BLOB NOT NULL))";
constexpr const char* kCluster = R"(;
CREATE TABLE cluster(one INTEGER PRIMARY KEY, id TEXT NOT NULL))";

// A flipped bit in a process id would have a stranger adopted, so every column is covered.
std::uint64_t checksum(std::uint64_t id, std::int64_t pid, std::uint64_t start_time,
                       std::uint64_t restarts, const std::string& boot,
                       const std::string& assignment) {
  const std::string head = std::to_string(id) + ' ' + std::to_string(pid) + ' ' +
                           std::to_string(start_time) + ' ' + std::to_string(restarts) + ' ' +
                           boot + '\n';
  return fnv1a64(assignment, fnv1a64(head));
}

Status add_cluster(SqliteDatabase& database) {
  return database.execute("CREATE TABLE cluster(one INTEGER PRIMARY KEY, id TEXT NOT NULL)");
}

}  // namespace

SqliteOptions SqliteInstances::options(const std::string& path) {
  return {.path = path,
          .what = "the list of instances",
          .application_id = 0x6d75696e,  // "muin"
          .version = 2,
          .schema = std::string(kSchema1) + kCluster,
          .upgrades = {{1, kSchema1, add_cluster}}};
}

Result<SqliteInstances> SqliteInstances::open(const std::string& path, std::string kernel_boot) {
  auto database = SqliteDatabase::open(options(path));
  if (!database) return tl::unexpected(database.error());
  auto save = database->prepare(
      "INSERT OR REPLACE INTO "
      "instances(id, pid, start_time, restarts, kernel_boot, checksum, assignment) "
      "VALUES(?, ?, ?, ?, ?, ?, ?)");
  if (!save) return tl::unexpected(save.error());
  auto forget = database->prepare("DELETE FROM instances WHERE id = ?");
  if (!forget) return tl::unexpected(forget.error());
  return SqliteInstances(std::move(*database), std::move(*save), std::move(*forget),
                         std::move(kernel_boot));
}

Result<std::vector<StoredInstance>> SqliteInstances::load() {
  auto read = database_.prepare(
      "SELECT id, pid, start_time, restarts, kernel_boot, checksum, assignment FROM instances "
      "ORDER BY id");
  if (!read) return tl::unexpected(read.error());
  std::vector<StoredInstance> instances;
  auto row = read->step();
  for (; row && *row; row = read->step()) {
    const std::uint64_t id = read->uint64(0);
    StoredInstance instance;
    instance.pid = read->int64(1);
    instance.start_time = read->uint64(2);
    instance.restarts = static_cast<std::uint32_t>(read->uint64(3));
    const std::string boot = read->bytes(4);
    const std::string bytes = read->bytes(6);
    const bool sound = read->uint64(5) == checksum(id, instance.pid, instance.start_time,
                                                   read->uint64(3), boot, bytes);
    auto assignment = decode_assignment(bytes);
    if (!sound || !assignment || assignment->instance != id) {
      const std::string why = !sound        ? "it does not match its checksum"
                              : !assignment ? assignment.error().text
                                            : "it names another instance";
      return fail(Code::DataLoss,
                  "instance " + std::to_string(id) + " in " + database_.path() +
                      " is damaged: " + why +
                      "; nothing was changed: move the file away and restart, the cluster "
                      "then tells this agent again what to run");
    }
    instance.assignment = std::move(*assignment);
    if (boot != kernel_boot_) {
      instance.pid = 0;
      instance.start_time = 0;
    }
    instances.push_back(std::move(instance));
  }
  if (!row) return tl::unexpected(row.error());
  return instances;
}

Status SqliteInstances::save(const StoredInstance& instance) {
  const InstanceId id = instance.assignment.instance;
  CHECK(id != 0);
  const std::string bytes = encode(instance.assignment);
  return save_.bind(1, id)
      .bind(2, instance.pid)
      .bind(3, instance.start_time)
      .bind(4, std::uint64_t{instance.restarts})
      .bind_text(5, kernel_boot_)
      .bind(6,
            checksum(id, instance.pid, instance.start_time, instance.restarts, kernel_boot_, bytes))
      .bind_blob(7, bytes)
      .run();
}

Result<std::string> SqliteInstances::cluster() {
  auto read = database_.prepare("SELECT id FROM cluster");
  if (!read) return tl::unexpected(read.error());
  const auto row = read->step();
  if (!row) return tl::unexpected(row.error());
  return *row ? read->bytes(0) : std::string();
}

Status SqliteInstances::save_cluster(const std::string& id) {
  auto save = database_.prepare("INSERT OR REPLACE INTO cluster(one, id) VALUES(1, ?)");
  if (!save) return tl::unexpected(save.error());
  return save->bind_text(1, id).run();
}

Status SqliteInstances::forget(InstanceId instance) { return forget_.bind(1, instance).run(); }

}  // namespace muster::agent
