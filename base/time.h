// Which clocks do all modules speak of?
//
// Pure values. The runtime alone reads clocks: CLOCK_BOOTTIME becomes Instant, CLOCK_REALTIME
// becomes WallTime. Decisions use Instant only; WallTime is for people (events, alerts, logs).
#pragma once

#include <chrono>
#include <cstdint>

namespace muster {

using Duration = std::chrono::nanoseconds;

// A clock without now(): an Instant can only be handed in, never read.
struct ControlClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<ControlClock>;
  static constexpr bool is_steady = true;
};
using Instant = ControlClock::time_point;

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

inline constexpr Instant kNever = Instant::max();

inline double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// Maps Instants to wall time: the last pair of readings that the runtime handed in.
struct WallAnchor {
  Instant at{};
  WallTime wall{};
  [[nodiscard]] WallTime wall_at(Instant t) const {
    return wall + std::chrono::duration_cast<std::chrono::milliseconds>(t - at);
  }
};

}  // namespace muster
