// What was this agent told to run, and which processes run it?
//
// A driver (SQLite, through base/sqlite_database.h). Every call blocks until the disk has answered;
// one thread at a time, never the control thread. It knows no process and signals none.
#pragma once

#include <string>
#include <vector>

#include "agent/stored_instance.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/sqlite_database.h"

namespace muster::agent {

class SqliteInstances {
 public:
  // Opens or makes the file. `kernel_boot` (failover/posix_processes.h: kernel_boot_id()) tells
  // apart process ids from before and after a reboot. Errors are those of SqliteDatabase::open().
  [[nodiscard]] static Result<SqliteInstances> open(const std::string& path,
                                                    std::string kernel_boot);

  [[nodiscard]] static SqliteOptions options(const std::string& path);  // what open() asks for

  // All instances by id. One that was saved under another boot of the kernel comes back with pid
  // and start_time 0: its process is gone. DataLoss names the first instance that is damaged.
  [[nodiscard]] Result<std::vector<StoredInstance>> load();

  // Durable when it returns; replaces what was saved under the same instance id. After an error
  // the older row still stands. Pre: the id is not 0.
  [[nodiscard]] Status save(const StoredInstance& instance);
  [[nodiscard]] Status forget(InstanceId instance);  // fine if it is not there

  // The id of the cluster to which this node belongs; empty: it never belonged to one.
  [[nodiscard]] Result<std::string> cluster();
  [[nodiscard]] Status save_cluster(const std::string& id);

 private:
  SqliteDatabase database_;
  SqliteStatement save_;
  SqliteStatement forget_;
  std::string kernel_boot_;

  SqliteInstances(SqliteDatabase database, SqliteStatement save, SqliteStatement forget,
                  std::string kernel_boot)
      : database_(std::move(database)),
        save_(std::move(save)),
        forget_(std::move(forget)),
        kernel_boot_(std::move(kernel_boot)) {}
};

}  // namespace muster::agent
