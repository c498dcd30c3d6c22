#include "health/restart_policy.h"

#include <algorithm>
#include <utility>

namespace muster::health {

std::optional<Duration> RestartPolicy::on_exit(bool failed, Duration ran) {
  if (std::exchange(manual_, false)) return Duration{0};
  if (spec_.when == RestartWhen::Never) return std::nullopt;
  if (spec_.when == RestartWhen::OnFailure && !failed) return std::nullopt;
  if (ran >= 2 * spec_.cap) wait_ = spec_.initial;
  return std::exchange(wait_, std::min(2 * wait_, spec_.cap));
}

}  // namespace muster::health
