// Which named leases are over for certain?
//
// Core; owned by the coordinator, control thread. It counts from when it saw a grant or a renewal
// applied, its holder from before it asked: so the holder always stops first (failover/lease.h). A
// new coordinator knows nothing of the old one's clock and honours every lease in full.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/time.h"

namespace muster::failover {

class NamedLeases {
 public:
  // This node is the coordinator from now on.
  void begin(const ClusterState& state, Instant now);
  // It is not any more: nothing is due.
  void end();
  // After every change of the state; costs nothing when no lease changed. Ignored unless begun.
  void on_state(const ClusterState& state, Instant now);

  // To be proposed: what is over, and is not known to have been taken away. Told again after a
  // while, should the proposal have been lost.
  [[nodiscard]] std::vector<ExpireLease> due(Instant now);
  [[nodiscard]] Instant deadline() const { return deadline_; }  // due() is empty before it

 private:
  struct Watched {
    std::uint64_t token = 0;
    std::uint64_t renewed = 0;
    Instant over{};
  };
  void conclude();

  bool active_ = false;
  CowMap<std::string, LeaseRecord> seen_;
  std::map<std::string, Watched> watched_;
  Instant deadline_ = kNever;
};

}  // namespace muster::failover
