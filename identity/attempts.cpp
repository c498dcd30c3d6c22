#include "identity/attempts.h"

#include <algorithm>

#include "base/error.h"

namespace muster::identity {
namespace {

// Takes one from the bucket that is full again at `full`. Zero, or how long until there is one.
Duration take(Instant& full, Instant now, unsigned burst, Duration refill) {
  const Instant begin = std::max(full, now);
  const Duration wait = begin + refill - (now + burst * refill);
  if (wait > Duration{0}) return wait;
  full = begin + refill;
  return Duration{0};
}

}  // namespace

Duration Attempts::wait(const std::string& address, Instant now) {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return Duration{0};
  Instant full = found->second.full;
  const Duration wait = take(full, now, options_.burst, options_.refill);
  if (wait > Duration{0}) ++suppressed_;
  return wait;
}

Duration Attempts::failed(const std::string& address, Instant now) {
  ++failures_;
  auto found = by_address_.find(address);
  if (found == by_address_.end()) {
    make_room();
    found = by_address_.emplace(address, Bucket{}).first;
  } else {
    by_use_.erase(found->second.used);
  }
  found->second.used = ++uses_;
  by_use_.emplace(uses_, address);
  const Duration own = take(found->second.full, now, options_.burst, options_.refill);
  // Whoever waits for himself takes nothing from the others.
  const Duration wait =
      own > Duration{0} ? own : take(all_full_, now, options_.burst_of_all, options_.refill_of_all);
  if (wait > Duration{0}) ++suppressed_;
  return wait;
}

void Attempts::make_room() {
  if (by_address_.size() < options_.addresses_max) return;
  CHECK(!by_use_.empty());
  by_address_.erase(by_use_.begin()->second);
  by_use_.erase(by_use_.begin());
}

}  // namespace muster::identity
