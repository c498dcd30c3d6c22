// Is one copy of a workload alive, and is it ready? Decided from the results of its checks.
//
// A core: no clock, socket or thread; owned by the control thread. A driver (curl_prober,
// posix_exec in the agent, World in the simulator) runs the checks that it asks for. It never
// restarts anything: it says what it sees. Rules as in Kubernetes (docs/OPERATIONS.md).
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "base/workload.h"

namespace muster::health {

enum class ProbeRole {
  Liveness,   // passing until proven otherwise; after a failure on hold until reset()
  Readiness,  // not passing until proven otherwise; goes on for ever
};

struct StartCheck {
  std::uint64_t id;  // unique within one Probe, never reused
  Instant give_up_at;
};
struct VerdictChanged {
  bool passing;
};
using ProbeEffect = std::variant<StartCheck, VerdictChanged>;

class Probe {
 public:
  // Pre: `spec` is valid (failover/yaml_workload.h says how); period and timeout > 0. The first
  // check starts after the initial delay. `spread` adds a random part of one period: for when the
  // agent itself has just started, so that it does not hit every service at once.
  Probe(const ProbeSpec& spec, ProbeRole role, Instant now, Rng& rng, bool spread = false);

  // Gives up on an overdue check, starts a due one. Pre: `now` never goes back.
  void tick(Instant now);
  // Check `id` ended. The answer of a check already given up on is ignored; an answer that comes
  // after give_up_at counts as a failure.
  void on_result(std::uint64_t id, bool passed, Instant now);
  // Check `id` could not be made for a reason of our own (no descriptor, no memory): it is tried
  // again at once, three times at most, then dropped. It moves no counter.
  void on_prober_error(std::uint64_t id, Instant now);
  // A new process: everything starts over, and nothing of the old one counts. The published value
  // goes back to the role's first one without an effect.
  void reset(Instant now);
  // The process ran before the agent did, and was last published as `passing`: that stays
  // published until results say otherwise. No effect.
  void adopt(bool passing);

  [[nodiscard]] Instant deadline() const;  // tick() has nothing to do before this moment
  [[nodiscard]] bool passing() const { return passing_; }
  [[nodiscard]] std::vector<ProbeEffect> take_effects();  // oldest first; empties the queue

 private:
  void start(Instant now);
  void count(bool passed);

  ProbeSpec spec_;
  ProbeRole role_;
  Instant next_start_;
  std::optional<StartCheck> running_;  // at most one check at a time
  int streak_ = 0;                     // > 0: passes in a row, < 0: failures in a row
  int prober_errors_ = 0;              // of the check that is due or running
  std::uint64_t last_id_ = 0;
  bool passing_;
  bool on_hold_ = false;  // liveness has failed: the process is doomed, checks tell nothing
  std::vector<ProbeEffect> effects_;
};

}  // namespace muster::health
