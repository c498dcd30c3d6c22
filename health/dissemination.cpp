#include "health/dissemination.h"

#include <utility>

namespace muster::health {
namespace {

constexpr int kMisfitsMax = 16;

}  // namespace

void Dissemination::push(gossip::Claim claim) {
  erase(claim.name);
  const Rank rank{0, next_age_--};
  const std::size_t bytes = gossip::claim_bytes_max(claim);
  NodeName name = claim.name;
  const auto entry = entries_.emplace(std::move(name), Entry{std::move(claim), bytes, rank}).first;
  order_.emplace(rank, entry);
}

std::vector<gossip::Claim> Dissemination::take(std::size_t bytes, int limit) {
  static const std::size_t smallest = gossip::claim_bytes_max(gossip::Claim{});
  std::vector<Entries::iterator> picked;
  int misfits = 0;  // a long queue is not searched to its end for the last bytes
  for (const auto& [rank, at] : order_) {
    if (bytes < smallest || misfits >= kMisfitsMax) break;
    if (at->second.bytes > bytes) {
      ++misfits;
      continue;
    }
    bytes -= at->second.bytes;
    picked.push_back(at);
  }
  std::vector<gossip::Claim> claims;
  claims.reserve(picked.size());
  for (const Entries::iterator at : picked) {
    Entry& entry = at->second;
    auto place = order_.extract(entry.rank);
    if (++entry.rank.sent >= limit) {
      claims.push_back(std::move(entry.claim));
      entries_.erase(at);
      continue;
    }
    claims.push_back(entry.claim);
    place.key() = entry.rank;
    order_.insert(std::move(place));
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
