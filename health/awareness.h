// How far may this member trust its own judgement of others?
//
// Core: the local health score of Lifeguard (DSN-W 2018, section IV-A; memberlist's awareness.go),
// 0 (well) to 7. Owned by Swim on the control thread; never reads a clock.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace muster::health {

inline constexpr int kHealthScoreMax = 7;

class Awareness {
 public:
  // -1 for a probe that was answered; + the nacks that were missing, or + 1, for one that was not;
  // + 1 for having to refute, and for a stall of our own loop.
  void apply(int delta) { score_ = std::clamp(score_ + delta, floor_, kHealthScoreMax); }
  // Ours by strain_floor(): answered probes do not bring the score below it.
  void set_floor(int floor) {
    floor_ = std::clamp(floor, 0, kHealthScoreMax);
    score_ = std::max(score_, floor_);
  }
  [[nodiscard]] int score() const { return score_; }
  // A member that doubts itself waits longer: d x (score + 1).
  [[nodiscard]] Duration scale(Duration d) const { return d * (score_ + 1); }

 private:
  int score_ = 0;
  int floor_ = 0;
};

// The change of score after a probe without an answer: relays that work send a nack, so a missing
// one speaks against us and not against the target (Lifeguard, section IV-A).
[[nodiscard]] int awareness_delta_of_failure(int nacks_expected, int nacks_received);

// What our own machine says against our judgement. `lag`: the worst lateness of the control loop
// in the last second; from half a probe time-out an answer may have waited in our socket for a
// good part of the time that it had. `cpu_pressure`: the share (0 to 1) of that second in which
// some task waited for a CPU (PSI); alone it says little, so it counts once and from 0.8.
[[nodiscard]] int strain_floor(Duration lag, double cpu_pressure, Duration probe_timeout);

}  // namespace muster::health
