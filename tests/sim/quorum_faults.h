// What goes wrong for masters alone, when, and for how long? A seed decides.
//
// Three ways: each kind of fault by itself, as faults.h does for whole agents but ten times as
// often; hostile to leaders (who just won is cut off and crashes: the schedules of the Raft paper's
// figure 8); and both. Kinds are switched off with probability 1/2 each.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "base/rng.h"
#include "base/time.h"
#include "faults.h"
#include "quorum.h"

namespace muster::sim {

// Those that can happen to masters alone.
[[nodiscard]] std::vector<Fault> quorum_faults();

class QuorumFaults {
 public:
  // `pace`: the mean time between two faults of one kind.
  QuorumFaults(Quorum& quorum, std::set<Fault> kinds, Duration pace, std::uint64_t seed);
  void begin();
  void end();  // everything is mended, thawed and started; nothing more goes wrong

 private:
  void next(Fault kind);
  void strike(Fault kind);
  void strike_host(Fault kind, HostId id, Duration lasting);
  void strike_links(Fault kind, Duration lasting);
  void hunt_leaders();
  void later(Duration after, std::function<void()> what);
  void start_later(HostId id);
  [[nodiscard]] HostId any_host() { return static_cast<HostId>(rng_.below(quorum_.size())); }

  Quorum& quorum_;
  std::set<Fault> kinds_;
  Duration pace_;
  Rng rng_;
  LinkQuality calm_;
  LinkQuality quality_;
  bool on_ = false;
};

}  // namespace muster::sim
