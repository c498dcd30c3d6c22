// How does one placed copy of a workload live on this node?
//
// A core; owned by Supervisor. It decides when the process is started, signalled and started again
// from what happened to it and from its probes; the runtime does it. Effects go into one queue that
// all instances share, so their order is the order of the decisions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/stored_instance.h"
#include "base/cluster_state.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "health/probe.h"
#include "health/restart_policy.h"

namespace muster::agent {

struct SaveInstance {  // answered by on_saved()
  StoredInstance stored;
};
struct ForgetStored {  // not answered
  InstanceId instance = 0;
};
struct StartProcess {  // answered by on_started() or on_start_failed() with the same attempt
  InstanceId instance = 0;
  std::uint64_t attempt = 0;
  WorkloadSpec spec;
  std::map<std::string, std::string> env;  // spec.env and MUSTER_*
};
enum class Signal { Terminate, Kill };
struct SignalProcess {  // its whole process group; on_exited() follows when it has worked
  InstanceId instance = 0;
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;
  Signal signal = Signal::Terminate;
};
struct WatchProcess {  // adopted: on_exited() must follow when it ends
  InstanceId instance = 0;
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;
};
struct RunCheck {  // answered by on_check(); an answer after give_up_at does no harm
  InstanceId instance = 0;
  health::ProbeRole role = health::ProbeRole::Liveness;
  std::uint64_t id = 0;
  Duration timeout{};
  ProbeSpec probe;    // host and port filled in
  WorkloadSpec spec;  // Exec: user, working directory
  std::map<std::string, std::string> env;
};
struct StatusChanged {
  InstanceStatus status;
};
struct ProbeCounted {  // for metrics
  std::string workload;
  health::ProbeRole role = health::ProbeRole::Liveness;
  bool passed = false;
};
using InstanceEffect = std::variant<SaveInstance, ForgetStored, StartProcess, SignalProcess,
                                    WatchProcess, RunCheck, StatusChanged, ProbeCounted>;

// What all instances of an agent share. Referenced, never copied.
struct InstanceContext {
  std::string cluster;
  NodeName node;
  std::string address;     // of the node: probes go there, services listen there
  const WallAnchor& wall;  // kept up to date by Node
  Rng& rng;
  std::vector<InstanceEffect>& effects;
};

class Instance {
 public:
  // A new copy: it is stored first and started when it is.
  Instance(InstanceContext& context, rpc::Assignment assignment, std::uint32_t restarts,
           Instant now);
  // A process that ran before this agent did.
  Instance(InstanceContext& context, const StoredInstance& running, Instant now);
  // One that ran before this agent did, has ended since and is never to be started again.
  struct Ended {};
  Instance(InstanceContext& context, const StoredInstance& stored, Ended ended, Instant now);

  // Ends it: SIGTERM, the grace of its spec, SIGKILL. Repeats do nothing.
  void stop(Instant now);

  void on_saved(const Status& saved, Instant now);
  void on_started(std::uint64_t attempt, std::int64_t pid, std::uint64_t start_time, Instant now);
  void on_start_failed(std::uint64_t attempt, const Error& error, Instant now);
  // `how`: "exit 3", "signal 9", or "" when it cannot be known (an adopted process).
  void on_exited(std::int64_t pid, bool failed, const std::string& how, Instant now);
  // `late`: this agent was stalled, so an overdue check says nothing about the process.
  void on_check(health::ProbeRole role, std::uint64_t id, bool passed, const std::string& text,
                Instant now, bool late);
  void tick(Instant now, bool late);
  [[nodiscard]] Instant deadline() const;

  [[nodiscard]] const InstanceStatus& status() const { return status_; }
  [[nodiscard]] const WorkloadSpec& spec() const { return assignment_.spec; }
  [[nodiscard]] std::uint64_t start_time() const { return start_time_; }  // of status().pid
  // Nothing of it runs and nothing of it will.
  [[nodiscard]] bool over() const {
    return status_.phase == Phase::Stopped || status_.phase == Phase::Done;
  }
  // Its state could not be written and is written again later.
  [[nodiscard]] bool unsaved() const { return save_retry_at_ != kNever; }

 private:
  struct Check {
    health::Probe probe;
    ProbeSpec resolved;
    std::uint64_t running = 0;  // the last check started, by the probe's count
    std::uint64_t asked = 0;    // ... and by this instance's
  };

  void make_checks(Instant now, bool adopted);
  void tick_check(std::optional<Check>& check, health::ProbeRole role, Instant now, bool late);
  void take_check_effects(std::optional<Check>& check, health::ProbeRole role, Instant now);
  void on_verdict(health::ProbeRole role, bool passing, Instant now);
  void save();
  void launch(Instant now);
  void signal(Signal signal);
  void enter(Phase phase, std::string why, Instant now);
  void ended(bool failed, const std::string& how, Instant now);
  [[nodiscard]] std::map<std::string, std::string> environment() const;

  InstanceContext& context_;
  rpc::Assignment assignment_;
  health::RestartPolicy policy_;
  InstanceStatus status_;
  std::uint64_t start_time_ = 0;
  std::uint64_t attempt_ = 0;
  bool first_save_pending_ = false;  // nothing may start before
  bool launching_ = false;           // a StartProcess is on its way
  bool stopping_ = false;            // for good
  bool dooming_ = false;             // killed because of liveness
  std::string doom_;                 // why
  Instant started_at_{};
  Instant restart_at_ = kNever;
  Instant kill_at_ = kNever;
  Instant save_retry_at_ = kNever;
  std::optional<Check> liveness_;
  std::optional<Check> readiness_;
  std::string last_check_text_;
  std::uint64_t last_check_ = 0;  // over all its processes: an answer about an old one is known
};

}  // namespace muster::agent
