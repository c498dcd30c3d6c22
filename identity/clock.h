// Do two clocks agree well enough for certificates, and what is said when they do not?
//
// Core: pure functions of wall-clock times. Never changes.
#pragma once

#include <string>

#include "base/error.h"
#include "base/time.h"

namespace muster::identity {

// Clocks that differ by more than this would refuse each other's certificates soon.
inline constexpr Duration kClockDifferenceMax = std::chrono::minutes(30);

// "2026-11-21T08:00:00Z".
[[nodiscard]] std::string utc_text(WallTime at);

// By more than kClockDifferenceMax; once they did, until they differ by half of it: what is said of
// it is said once.
[[nodiscard]] bool clocks_differ(WallTime a, WallTime b, bool before = false);

// "the clock of n2 is 24 h 0 min ahead of this master's: it says ... there and ... here". `whose`:
// "n2"; `ours`: "this master's".
[[nodiscard]] std::string difference_text(const std::string& whose, WallTime theirs,
                                          const std::string& ours, WallTime here);

// The clock of `whose`, who asks this master to have something signed. `then`: what to do when the
// wrong clock is set.
[[nodiscard]] Status check_clock(const std::string& whose, WallTime clock, WallTime now,
                                 const std::string& then);

// A certificate that is not valid by this node's own clock is of no use to it, nor to others if
// that clock is right. `what`: "the certificate with serial 5".
[[nodiscard]] Status check_valid(const std::string& what, WallTime begins, WallTime ends,
                                 WallTime now);

}  // namespace muster::identity
