// Which claims ride on the next packet?
//
// Core: a queue of claims, at most one about each member, each passed on a limited number of
// times: fewest transmissions first, then newest (SWIM, section 4.1; memberlist's queue.go). Owned
// by Swim on the control thread; never looks into a claim beyond its name and size.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/gossip.h"

namespace muster::health {

class Dissemination {
 public:
  // Replaces the claim about the same member, whose transmissions no longer count: the caller
  // pushes only claims that it has accepted itself.
  void push(gossip::Claim claim);
  // As many claims as fit into `bytes` by gossip::claim_bytes_max; each was passed on once more
  // and is forgotten after `limit` times. A claim that does not fit does not hold up smaller ones.
  [[nodiscard]] std::vector<gossip::Claim> take(std::size_t bytes, int limit);
  void erase(const NodeName& member);
  void clear();

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool contains(const NodeName& member) const { return entries_.contains(member); }

 private:
  struct Rank {
    int sent = 0;
    std::uint64_t age = 0;  // counts down: the newest is the smallest, and no two are equal
    auto operator<=>(const Rank&) const = default;
  };
  struct Entry {
    gossip::Claim claim;
    std::size_t bytes = 0;
    Rank rank;
  };
  using Entries = std::map<NodeName, Entry>;

  Entries entries_;
  std::map<Rank, Entries::iterator> order_;  // take() walks it for every packet: no names here
  std::uint64_t next_age_ = UINT64_MAX;
};

}  // namespace muster::health
