// Which members are known, whom to probe next, and whom to pick at random?
//
// Core: the table behind Swim, on the control thread. Knows no protocol: it keeps the members, the
// count of the living and two orders over the others. Picks depend on the Rng alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/gossip.h"
#include "base/ids.h"
#include "base/rng.h"
#include "base/time.h"

namespace muster::health {

struct Member {
  NodeName name;
  gossip::MemberState state = gossip::MemberState::Alive;
  std::uint64_t incarnation = 0;
  Address gossip;
  gossip::Meta meta;
  NodeName accuser;      // Suspect, Failed: who said so; Left: the member itself
  Instant since{};       // of the state
  Instant last_heard{};  // the last packet that it sent to us; of ourselves: the start
};

// Takes part in the protocol: Alive or Suspect.
[[nodiscard]] inline bool is_live(const Member& member) {
  return member.state == gossip::MemberState::Alive || member.state == gossip::MemberState::Suspect;
}

class MemberTable {
 public:
  using Predicate = std::function<bool(const Member&)>;

  explicit MemberTable(Member self);

  [[nodiscard]] const std::map<NodeName, Member>& all() const { return members_; }
  [[nodiscard]] const Member& self() const { return members_.at(self_); }
  [[nodiscard]] Member& self() { return members_.at(self_); }
  [[nodiscard]] const Member* find(const NodeName& name) const;
  [[nodiscard]] Member* find(const NodeName& name);
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] std::size_t live() const { return live_; }  // with ourselves

  // Pre: no member of that name. It is probed in the current round already, at a random place.
  Member& insert(Member member, Rng& rng);
  // Pre: a member other than ourselves.
  void erase(const NodeName& name);
  // The only way to change a state: keeps the count of the living and `since`.
  void set_state(Member& member, gossip::MemberState state, Instant now);

  // Up to `count` different eligible others, uniformly.
  [[nodiscard]] std::vector<NodeName> pick(std::size_t count, const Predicate& eligible, Rng& rng);
  // The next eligible one of a round-robin that is shuffled anew each round (SWIM, section 4.3: a
  // failed member is probed within 2n - 1 intervals), or nullptr.
  [[nodiscard]] const Member* next_to_probe(const Predicate& eligible, Rng& rng);

 private:
  NodeName self_;
  std::map<NodeName, Member> members_;
  std::size_t live_ = 1;
  std::vector<NodeName> roster_;  // the others in any order: pick() shuffles as it goes
  std::vector<NodeName> round_;   // the others in probing order
  std::size_t next_ = 0;          // into round_
};

}  // namespace muster::health
