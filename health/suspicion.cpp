#include "health/suspicion.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace muster::health {
namespace {

Duration scaled(Duration d, double factor) {
  return Duration(std::llround(static_cast<double>(d.count()) * factor));
}

}  // namespace

Duration suspicion_min(int mult, std::size_t members, Duration probe_interval) {
  const double n = std::max(1.0, static_cast<double>(members));
  return scaled(probe_interval, mult * std::max(1.0, std::log10(n)));
}

Duration suspicion_max(Duration min, int max_mult) { return min * max_mult; }

int confirmations_wanted(int mult, std::size_t members) {
  const int wanted = std::max(0, mult - 2);
  return members < static_cast<std::size_t>(wanted) + 2 ? 0 : wanted;
}

Duration suspicion_timeout(int confirmed, int wanted, Duration min, Duration max) {
  if (wanted <= 0) return min;
  const double share = std::log(confirmed + 1.0) / std::log(wanted + 1.0);
  return std::max(min, max - scaled(max - min, share));
}

int retransmit_limit(int mult, std::size_t members) {
  return mult * static_cast<int>(std::ceil(std::log10(static_cast<double>(members) + 1.0)));
}

Duration push_pull_scaled(Duration interval, std::size_t members) {
  if (members <= 32) return interval;
  return scaled(interval, std::ceil(std::log2(static_cast<double>(members)) - 5.0) + 1.0);
}

SuspicionTimer::SuspicionTimer(NodeName accuser, int wanted, Duration min, Duration max,
                               Instant now)
    : accuser_(std::move(accuser)),
      wanted_(wanted),
      min_(min),
      max_(max),
      since_(now),
      deadline_from_(now),
      deadline_(now + suspicion_timeout(0, wanted, min, max)) {}

bool SuspicionTimer::confirm(const NodeName& peer) {
  if (confirmers_.size() >= static_cast<std::size_t>(wanted_)) return false;
  if (peer == accuser_) return false;
  if (std::find(confirmers_.begin(), confirmers_.end(), peer) != confirmers_.end()) return false;
  confirmers_.push_back(peer);
  deadline_ =
      deadline_from_ + suspicion_timeout(static_cast<int>(confirmers_.size()), wanted_, min_, max_);
  return true;
}

}  // namespace muster::health
