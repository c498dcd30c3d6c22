// What does a master's disk hold, what is on its way there, and what does a crash leave of it?
//
// As failover/sqlite_log.h promises: all writes that wait go into one transaction and one fsync. A
// crash leaves a prefix of what was asked for, as the dice say: never a later write without the
// earlier ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <variant>
#include <vector>

#include "base/raft_types.h"
#include "base/rng.h"
#include "base/time.h"
#include "failover/raft_engine.h"

namespace muster::sim {

struct DiskQuality {
  Duration fsync = std::chrono::microseconds(100);  // the least
  Duration tail = std::chrono::microseconds(900);   // mean of what comes on top, exponential
  unsigned stall_percent = 0;                       // of the fsyncs that take longer
  Duration stall{};                                 // ... by up to so much
};
[[nodiscard]] Duration fsync_time(const DiskQuality& disk, Rng& rng);

using LogWrite = std::variant<failover::SaveVote, failover::AppendLog, failover::PutSnapshot>;

class LogDisk {
 public:
  [[nodiscard]] const raft::Stored& durable() const { return durable_; }
  void add(LogWrite write) { queue_.push_back(std::move(write)); }
  // Takes all that waits as one batch; false: one is under way, or nothing waits.
  bool begin();
  // The batch is durable: the ticket of its last write. Pre: one is under way.
  std::uint64_t end();
  void put_back();  // the batch could not be written: it waits again. Pre: one is under way.
  // The process ends. With `writable`, some of what was asked for may be on the disk.
  void crash(bool writable, Rng& rng);
  void wipe() { *this = {}; }

 private:
  void put(const LogWrite& write);

  raft::Stored durable_;
  std::deque<LogWrite> queue_;
  std::vector<LogWrite> batch_;  // one transaction, one fsync
};

}  // namespace muster::sim
