// Which copies does this node run, and are they as the coordinator wants them?
//
// A core; owned by Node. It keeps one Instance for each assigned copy and works on when nobody can
// be asked: losing every master stops and starts nothing. Nothing is started after a restart of the
// agent before the coordinator has said what is still wanted; what runs is adopted at once.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/instance.h"
#include "base/rpc.h"

namespace muster::agent {

struct RecoveredInstance {
  StoredInstance stored;
  bool running = false;  // stored.pid is alive and the same process
};

class Supervisor {
 public:
  Supervisor(std::string cluster, NodeName node, std::string address, const WallAnchor& wall,
             Rng& rng, const std::vector<RecoveredInstance>& recovered, Instant now);
  Supervisor(const Supervisor&) = delete;  // instances refer to its context
  Supervisor& operator=(const Supervisor&) = delete;

  // Ignored when an older epoch says it: a coordinator that was replaced and does not know it yet.
  void on_assignments(const rpc::Assignments& assignments, Instant now);
  // Ends everything: this node leaves.
  void stop_all(Instant now);

  void on_saved(InstanceId instance, const Status& saved, Instant now);
  void on_started(InstanceId instance, std::uint64_t attempt, std::int64_t pid,
                  std::uint64_t start_time, Instant now);
  void on_start_failed(InstanceId instance, std::uint64_t attempt, const Error& error, Instant now);
  void on_exited(InstanceId instance, std::int64_t pid, bool failed, const std::string& how,
                 Instant now);
  void on_check(InstanceId instance, health::ProbeRole role, std::uint64_t id, bool passed,
                const std::string& text, Instant now);

  void tick(Instant now);
  [[nodiscard]] Instant deadline() const;
  [[nodiscard]] std::vector<InstanceEffect> take_effects();

  [[nodiscard]] const std::map<InstanceId, Instance>& instances() const { return instances_; }
  // Everything that runs here, for a registration.
  [[nodiscard]] std::vector<InstanceStatus> statuses() const;
  [[nodiscard]] bool idle() const;     // nothing runs
  [[nodiscard]] bool unsaved() const;  // some state could not be written

 private:
  void sweep();  // drops what is over and no longer asked for
  // A deadline passed long ago: this agent was stalled.
  [[nodiscard]] bool late(Instant now) const;

  std::vector<InstanceEffect> effects_;
  InstanceContext context_;
  std::map<InstanceId, Instance> instances_;
  std::map<InstanceId, std::uint32_t> remembered_;  // stored, not running: restarts so far
  std::uint64_t epoch_ = 0;                         // of the newest coordinator heard
  bool heard_ = false;                              // listed_ means something
  std::set<InstanceId> listed_;                     // by the coordinator, last
};

}  // namespace muster::agent
