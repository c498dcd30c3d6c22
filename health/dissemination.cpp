#include "health/dissemination.h"

#include <utility>

namespace muster::health {

void Dissemination::push(gossip::Claim claim) {
  erase(claim.name);
  const Rank rank{0, next_age_--};
  const std::size_t bytes = gossip::claim_bytes_max(claim);
  const NodeName name = claim.name;
  order_.emplace(rank, name);
  entries_.emplace(name, Entry{std::move(claim), bytes, rank});
}

std::vector<gossip::Claim> Dissemination::take(std::size_t bytes, int limit) {
  static const std::size_t smallest = gossip::claim_bytes_max(gossip::Claim{});
  std::vector<NodeName> picked;
  for (const auto& [rank, name] : order_) {
    if (bytes < smallest) break;
    const Entry& entry = entries_.at(name);
    if (entry.bytes > bytes) continue;
    bytes -= entry.bytes;
    picked.push_back(name);
  }
  std::vector<gossip::Claim> claims;
  claims.reserve(picked.size());
  for (const NodeName& name : picked) {
    Entry& entry = entries_.at(name);
    claims.push_back(entry.claim);
    if (entry.rank.sent + 1 >= limit) {
      erase(name);
      continue;
    }
    order_.erase(entry.rank);
    ++entry.rank.sent;
    order_.emplace(entry.rank, name);
  }
  return claims;
}

void Dissemination::erase(const NodeName& member) {
  const auto found = entries_.find(member);
  if (found == entries_.end()) return;
  order_.erase(found->second.rank);
  entries_.erase(found);
}

void Dissemination::clear() {
  entries_.clear();
  order_.clear();
}

}  // namespace muster::health
