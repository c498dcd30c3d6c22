// Is what members believe of each other right, and soon enough?
//
// Knows neither Node nor Swim: whoever runs the members says what each one believes whenever that
// changes, and answers questions about the truth. A world of bare health::Swim objects feeds it
// from MemberChanged, the world of whole agents by comparing tables (views.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/gossip.h"
#include "base/time.h"
#include "health/swim_types.h"
#include "network.h"
#include "violations.h"

namespace muster::sim {

struct Belief {
  gossip::MemberState state = gossip::MemberState::Alive;
  std::uint64_t incarnation = 0;
  bool operator==(const Belief&) const = default;
};
[[nodiscard]] inline bool holds_down(const Belief& belief) {
  return belief.state == gossip::MemberState::Failed || belief.state == gossip::MemberState::Left;
}

// For how long a belief may be wrong while everything about the pair is in order.
struct MembershipBounds {
  Duration down{};  // a live member held failed or left
  Duration up{};    // a dead member held alive or suspect
};
// Down: at worst the two find each other by reconnecting, whose attempts are 1.25 intervals apart
// and of which the last one before may just have missed, or, where one had left, by their seeds,
// which are tried every `join_retry_max`; whoever does not hear of the refutation (gossip tells
// each claim a limited number of times) sees that digests differ and asks for the table within a
// few probes; a suspicion that this brings up again ends within its longest time, and an exchange
// within 5 s.
//
// Up: the round-robin comes to each member within 2n - 1 probes; a member in doubt of itself
// stretches these eightfold; then nobody need confirm its suspicion.
[[nodiscard]] MembershipBounds membership_bounds(const health::SwimOptions& options,
                                                 std::size_t members);

class MembershipChecker {
 public:
  struct Truth {
    // What the observer believes now; nothing: it does not know the member, or does not run.
    std::function<std::optional<Belief>(HostId observer, HostId member)> belief;
    // Since when both run, undisturbed, and reach each other; kNever: they do not.
    std::function<Instant(HostId observer, HostId member)> fit_since;
    // Since when the member is dead (or frozen); kNever: it is not.
    std::function<Instant(HostId member)> dead_since;
    // Since when the observer runs undisturbed; kNever: it does not.
    std::function<Instant(HostId observer)> well_since;
    std::function<NodeName(HostId)> name;
  };

  MembershipChecker(std::size_t members, MembershipBounds bounds, Truth truth, Violations& found);

  // The observer changed its mind; `before` is empty when it did not know the member.
  void changed(HostId observer, HostId member, const std::optional<Belief>& before,
               const Belief& after, Instant now);
  // The observer's life has ended: the next one begins with nothing.
  void forget(HostId observer);
  // To be called from time to time; what is found is as late as that.
  void check(Instant now);

 private:
  using Pair = std::pair<HostId, HostId>;  // observer, member
  void check_down(Instant now);
  void check_up(Instant now);
  void report(const Pair& pair, const std::string& rule, Duration held, Instant now);

  std::size_t members_;
  MembershipBounds bounds_;
  Truth truth_;
  Violations& found_;
  std::map<Pair, Instant> down_;  // held failed or left, since
  std::map<Pair, Instant> up_;    // dead and held alive, since the first check that saw it
};

}  // namespace muster::sim
