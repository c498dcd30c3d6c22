// Whose wall clock is wrong, as the coordinator sees it, and what is said of it once?
//
// A core; owned by Master. Nothing is decided by wall clocks but what certificates, tokens and
// silences are about: who is found wrong here goes on with its work.
#pragma once

#include <set>
#include <vector>

#include "agent/effects.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

struct ClockReading {  // of another node, by its last heartbeat
  NodeName node;
  bool master = false;
  WallTime there{};  // as it said
  WallTime here{};   // the own clock, when that was heard
};

class ClockWatch {
 public:
  // What is to be said now that these are the readings of all registered nodes but this one: one
  // line when a clock begins to differ, and one when it agrees again. When it is most masters that
  // differ, this one's own clock is said to be wrong, and nothing of the others.
  [[nodiscard]] std::vector<Notice> look(const std::vector<ClockReading>& readings);

  [[nodiscard]] bool own_is_wrong() const { return own_wrong_; }
  // The role ended: the next one begins anew.
  void reset() { *this = {}; }

 private:
  std::set<NodeName> wrong_;  // of whom it was said
  bool own_wrong_ = false;
};

}  // namespace muster::agent
