// What must be in order before an agent may run?
//
// A driver (files, SQLite). Blocks; runs once, before the control loop does.
#pragma once

#include <memory>
#include <optional>

#include "agent/config.h"
#include "agent/node.h"
#include "agent/posix_own_identity.h"
#include "agent/sqlite_instances.h"
#include "base/error.h"
#include "collector/posix_host_fs.h"
#include "collector/posix_relay.h"
#include "collector/sqlite_history.h"
#include "failover/sqlite_log.h"
#include "health/openssl_sealer.h"

namespace muster::agent {

struct Prepared {
  NodeOptions options;
  Recovered recovered;
  std::unique_ptr<SqliteInstances> instances;
  std::unique_ptr<failover::SqliteLog> log;         // null unless a master
  std::optional<collector::SqliteHistory> history;  // nothing: none is kept
  std::unique_ptr<OwnIdentity> own;                 // null: a plain cluster
  collector::CollectorOptions collectors;
  std::shared_ptr<void> lock;  // of the data directory, while it is held
};

// Makes and locks the data directory, opens and checks what is stored in it, finds the workloads
// that still run, measures the machine. Errors name the file and the way out.
[[nodiscard]] Result<Prepared> prepare(const Config& config);

// Where the files of this machine are looked for.
[[nodiscard]] collector::HostRoots host_roots(const MetricsConfig& metrics);
// How long a collector may take.
[[nodiscard]] collector::PosixRelay::Limits relay_limits(const MetricsConfig& metrics);

// The exit status of an agent that could not start for this reason. 78 keeps systemd from trying
// again: for what an operator must mend. What may mend itself (a port or a directory still held by
// the agent before, a full disk) is worth another try.
[[nodiscard]] int exit_code(const Error& error);

// Under the keys of the file that `config` names; null without one. Fails as load_keyring() does.
[[nodiscard]] Result<std::shared_ptr<health::OpensslSealer>> open_sealer(const Config& config);
// Takes that file's keys anew. On failure, which says so, the sealer is as it was.
// Pre: `config` names one.
[[nodiscard]] Status reload_sealer(const Config& config, health::OpensslSealer& sealer);
// "keyring /etc/muster/keyring, key 1f2e3d4c seals, 1 more opens", for people.
[[nodiscard]] std::string sealer_text(const Config& config, const health::OpensslSealer& sealer);

}  // namespace muster::agent
