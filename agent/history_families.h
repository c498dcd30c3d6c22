// What of the agent itself belongs into its node's history?
//
// Pure: a View in, families out, as collector/history_series.h takes them.
#pragma once

#include <optional>

#include "agent/view.h"
#include "base/sample.h"
#include "base/time.h"
#include "collector/history.h"

namespace muster::agent {

// muster_members by state, muster_instances, muster_gossip_health_score and, on masters,
// muster_leaderless_seconds: for how long there has been no leader by then, 0: there is one.
[[nodiscard]] Families history_families(const View& view, WallTime at);

// What a master goes on with that starts `now`, of the newest point of this series.
inline constexpr const char* kLeaderlessSeries = "muster_leaderless";
// Who was away for longer cannot say that there was no leader meanwhile.
inline constexpr Duration kLeaderlessGapMax = std::chrono::hours(1);
[[nodiscard]] std::optional<Leaderless> leaderless_before(
    const std::optional<collector::HistoryPoint>& newest, WallTime now);

}  // namespace muster::agent
