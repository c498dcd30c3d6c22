#include "health/probe.h"

#include <algorithm>
#include <utility>

namespace muster::health {
namespace {

constexpr int kProberRetriesMax = 3;

// A check that is found overdue by so much was not slow: the agent itself slept (a paused VM, a
// starved machine), so that the answer may lie unread. Such a check says nothing of the service.
constexpr Duration kStallMin = std::chrono::seconds(1);

bool first_value(ProbeRole role) { return role == ProbeRole::Liveness; }

}  // namespace

Probe::Probe(const ProbeSpec& spec, ProbeRole role, Instant now, Rng& rng, bool spread)
    : spec_(spec),
      role_(role),
      next_start_(now + spec.initial_delay + (spread ? rng.below(spec.period) : Duration{0})),
      passing_(first_value(role)) {}

void Probe::tick(Instant now) {
  if (running_ && now >= running_->give_up_at) {
    const bool stalled = now - running_->give_up_at >= kStallMin;
    running_.reset();
    prober_errors_ = 0;
    if (!stalled) count(false);
  }
  if (!running_ && !on_hold_ && now >= next_start_) start(now);
}

void Probe::start(Instant now) {
  running_ = StartCheck{++last_id_, now + spec_.timeout};
  effects_.emplace_back(*running_);
  next_start_ = now + spec_.period;
}

void Probe::on_result(std::uint64_t id, bool passed, Instant now) {
  if (!running_ || running_->id != id) return;
  const bool late = now >= running_->give_up_at;
  running_.reset();
  prober_errors_ = 0;
  count(passed && !late);
}

void Probe::on_prober_error(std::uint64_t id, Instant now) {
  if (!running_ || running_->id != id) return;
  running_.reset();
  if (prober_errors_++ < kProberRetriesMax) {
    next_start_ = now;
  } else {
    prober_errors_ = 0;
  }
}

void Probe::reset(Instant now) {
  next_start_ = now + spec_.initial_delay;
  running_.reset();
  streak_ = 0;
  prober_errors_ = 0;
  passing_ = first_value(role_);
  on_hold_ = false;
  effects_.clear();
}

void Probe::adopt(bool passing) { passing_ = passing; }

Instant Probe::deadline() const {
  if (running_) return running_->give_up_at;
  return on_hold_ ? kNever : next_start_;
}

std::vector<ProbeEffect> Probe::take_effects() { return std::exchange(effects_, {}); }

void Probe::count(bool passed) {
  streak_ = passed ? std::max(streak_, 0) + 1 : std::min(streak_, 0) - 1;
  const bool next = streak_ >= spec_.success_threshold    ? true
                    : -streak_ >= spec_.failure_threshold ? false
                                                          : passing_;
  if (next == passing_) return;
  passing_ = next;
  on_hold_ = role_ == ProbeRole::Liveness && !passing_;
  effects_.emplace_back(VerdictChanged{next});
}

}  // namespace muster::health
