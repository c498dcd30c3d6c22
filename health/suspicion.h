// How long may a member stay under suspicion before it is declared failed?
//
// Core: pure functions and one value class; owned by Swim on the control thread. Never reads a
// clock. Formulas: HashiCorp memberlist (suspicion.go, util.go) and Lifeguard (Dadgar, Phillips,
// Currey, "Lifeguard: Local Health Awareness for More Accurate Failure Detection", DSN-W 2018,
// section IV-B). Logarithms over the number of members are to base 10.
#pragma once

#include <cstddef>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::health {

// mult x max(1, log10(max(1, n))) x probe interval: the wait after enough confirmations.
[[nodiscard]] Duration suspicion_min(int mult, std::size_t members, Duration probe_interval);
// max_mult x min: the wait while nobody confirms.
[[nodiscard]] Duration suspicion_max(Duration min, int max_mult);
// mult - 2 (never negative), or 0 when fewer than that many members could confirm: all but the
// accuser and the accused.
[[nodiscard]] int confirmations_wanted(int mult, std::size_t members);
// max(min, max - ln(confirmed + 1) / ln(wanted + 1) x (max - min)); `min` when none are wanted.
[[nodiscard]] Duration suspicion_timeout(int confirmed, int wanted, Duration min, Duration max);
// mult x ceil(log10(n + 1)): how often one member passes one claim on (SWIM, section 4.1).
[[nodiscard]] int retransmit_limit(int mult, std::size_t members);
// The interval up to 32 members, above x (ceil(log2 n - 5) + 1): a full table costs O(n) bytes.
[[nodiscard]] Duration push_pull_scaled(Duration interval, std::size_t members);

// The clock of one suspicion. Each peer counts once; the first accuser does not count.
class SuspicionTimer {
 public:
  SuspicionTimer(NodeName accuser, int wanted, Duration min, Duration max, Instant now);

  // True when `peer` is news: the claim is then worth passing on. False for a repeat, for the
  // accuser, and once enough have confirmed.
  bool confirm(const NodeName& peer);
  // The observer itself was not running for so long: that time proves nothing.
  void extend(Duration stall) {
    deadline_from_ += stall;
    deadline_ += stall;
  }

  [[nodiscard]] Instant deadline() const { return deadline_; }  // the member is declared failed
  [[nodiscard]] Instant since() const { return since_; }
  [[nodiscard]] const NodeName& accuser() const { return accuser_; }
  [[nodiscard]] const std::vector<NodeName>& confirmers() const { return confirmers_; }

 private:
  NodeName accuser_;
  std::vector<NodeName> confirmers_;  // in order of arrival; at most wanted_
  int wanted_;
  Duration min_;
  Duration max_;
  Instant since_;          // for people
  Instant deadline_from_;  // since_ plus stalls
  Instant deadline_;       // asked for after every event, and changed by few of them
};

}  // namespace muster::health
