// How does the consensus library count time? In whole milliseconds, which never go back.
//
// A core of pure functions.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace muster::failover {

[[nodiscard]] inline std::uint64_t to_ms(Duration duration) {
  return static_cast<std::uint64_t>(
      std::max<Duration::rep>(0, std::chrono::floor<std::chrono::milliseconds>(duration).count()));
}
[[nodiscard]] inline std::uint64_t to_ms(Instant instant) {
  return to_ms(instant.time_since_epoch());
}
[[nodiscard]] inline Instant to_instant(std::uint64_t ms) {
  return Instant(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
}

}  // namespace muster::failover
