#include "failover/named_leases.h"

#include <algorithm>

#include "failover/lease.h"

namespace muster::failover {
namespace {

constexpr Duration kTellAgain = std::chrono::seconds(1);

Duration with_drift(std::uint32_t ttl_ms) {
  const Duration ttl = std::chrono::milliseconds(ttl_ms);
  return ttl + ttl * kDriftPerMille / 1000;
}

}  // namespace

void NamedLeases::begin(const ClusterState& state, Instant now) {
  end();
  active_ = true;
  on_state(state, now);
}

void NamedLeases::end() {
  active_ = false;
  seen_.clear();
  watched_.clear();
  conclude();
}

void NamedLeases::on_state(const ClusterState& state, Instant now) {
  if (!active_ || seen_.shares_all_with(state.leases)) return;
  seen_ = state.leases;
  std::erase_if(watched_, [&](const auto& entry) { return !seen_.contains(entry.first); });
  for (const auto& [name, lease] : seen_) {
    Watched& watched = watched_[name];
    if (watched.token == lease.token && watched.renewed == lease.renewed) continue;
    watched = {lease.token, lease.renewed, now + with_drift(lease.ttl_ms)};
  }
  conclude();
}

std::vector<ExpireLease> NamedLeases::due(Instant now) {
  std::vector<ExpireLease> due;
  if (now < deadline_) return due;
  for (auto& [name, watched] : watched_) {
    if (now < watched.over) continue;
    due.push_back({name, watched.token, watched.renewed});
    watched.over = now + kTellAgain;
  }
  conclude();
  return due;
}

void NamedLeases::conclude() {
  deadline_ = kNever;
  for (const auto& [name, watched] : watched_) deadline_ = std::min(deadline_, watched.over);
}

}  // namespace muster::failover
