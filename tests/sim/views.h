// What does a running Swim believe?
//
// The only place where the simulator reads a table of members.
#pragma once

#include <optional>

#include "health/swim.h"
#include "membership_checker.h"

namespace muster::sim {

// Calls `each(name, member)` in the order of names; it returns false to end.
template <class Each>
void each_member(const health::Swim& swim, Each each) {
  for (const health::Member& member : swim.members()) {
    if (!each(member.name(), member)) return;
  }
}

[[nodiscard]] inline Belief belief_of(const health::Member& member) {
  return {member.state, member.incarnation};
}

[[nodiscard]] inline std::optional<Belief> belief_in(const health::Swim& swim,
                                                     const NodeName& member) {
  const health::Member* found = swim.members().find(member);
  if (found == nullptr) return std::nullopt;
  return belief_of(*found);
}

}  // namespace muster::sim
