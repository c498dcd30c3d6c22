// What must be in order before an agent may run?
//
// A driver (files, SQLite). Blocks; runs once, before the control loop does.
#pragma once

#include <memory>

#include "agent/config.h"
#include "agent/node.h"
#include "agent/sqlite_instances.h"
#include "base/error.h"
#include "failover/sqlite_log.h"

namespace muster::agent {

struct Prepared {
  NodeOptions options;
  Recovered recovered;
  std::unique_ptr<SqliteInstances> instances;
  std::unique_ptr<failover::SqliteLog> log;  // null unless a master
  std::shared_ptr<void> lock;                // of the data directory, while it is held
};

// Makes and locks the data directory, opens and checks what is stored in it, finds the workloads
// that still run, measures the machine. Errors name the file and the way out.
[[nodiscard]] Result<Prepared> prepare(const Config& config);

}  // namespace muster::agent
