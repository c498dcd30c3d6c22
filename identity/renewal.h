// When does a node have its certificate renewed?
//
// Core: pure functions of wall-clock times, which is what certificates are about. Whoever drives
// them looks again at least every kRenewalLook, because a clock may be set meanwhile.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "base/time.h"
#include "identity/issue.h"

namespace muster::identity {

inline constexpr Duration kRenewalLook = std::chrono::hours(1);

// At two thirds of its life, and up to a twentieth of its life before that: so that nodes that
// joined together do not renew together. Which part of the twentieth: by the node's name.
[[nodiscard]] WallTime renewal_due(const NodeName& node, WallTime begins, WallTime ends);

// How long to wait before a renewal is tried, counted from `now`: at most kRenewalLook, after which
// this is asked again; zero: now.
[[nodiscard]] Duration renewal_in(const NodeName& node, WallTime begins, WallTime ends,
                                  WallTime now);

// How long to wait after so many failures of one renewal: a minute, doubled by each to an hour at
// most; less when the end is near, but never under a second.
[[nodiscard]] Duration renewal_pause(unsigned failures, WallTime ends, WallTime now);

}  // namespace muster::identity
