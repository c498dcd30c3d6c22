// Until when may a node act on what the coordinator told it?
//
// Pure. The holder counts from before it SENT the renewal, the granter from after it RECEIVED one
// (Gray and Cheriton 1989, "Leases"); so the holder always stops first, whatever the network did.
#pragma once

#include <cstdint>
#include <map>

#include "base/ids.h"
#include "base/time.h"

namespace muster::failover {

inline constexpr Duration kLease = std::chrono::seconds(2);
// Bound on how much faster one clock may run than another, in thousandths.
inline constexpr int kDriftPerMille = 10;

// The agent's side.
class LeaseHolder {
 public:
  // An older epoch (a coordinator that was replaced) and an answer out of order change nothing.
  void on_granted(std::uint64_t epoch, Instant sent_at, Duration lease) {
    if (epoch < epoch_) return;
    epoch_ = epoch;
    if (lease > Duration::zero() && sent_at + lease > until_) until_ = sent_at + lease;
  }
  [[nodiscard]] bool held(Instant now) const { return now < until_; }
  [[nodiscard]] Instant until() const { return until_; }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }

 private:
  std::uint64_t epoch_ = 0;
  Instant until_{};
};

// The coordinator's side: until when each node may still believe that it holds a lease.
class LeaseGrants {
 public:
  void on_renewal(const NodeName& node, Instant received_at) {
    until_[node] = received_at + kLease + kLease * kDriftPerMille / 1000;
  }
  // Instant{} when nothing was granted to it here.
  [[nodiscard]] Instant until(const NodeName& node) const {
    const auto found = until_.find(node);
    return found == until_.end() ? Instant{} : found->second;
  }

 private:
  std::map<NodeName, Instant> until_;
};

}  // namespace muster::failover
