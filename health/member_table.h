// Which members are known, whom to probe next, and whom to pick at random?
//
// Core: the table behind Swim, on the control thread. Knows no protocol: it keeps the members, the
// count and the digest of the living and an order in which to probe the others. Picks depend on the
// Rng alone.
//
// A member costs 56 bytes here: 10,000 tables of 10,000 members fit into one simulation. What a
// member says of itself is a shared gossip::Card.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/gossip.h"
#include "base/ids.h"
#include "base/rng.h"
#include "base/time.h"

namespace muster::health {

struct Member {
  gossip::CardPtr card;  // never null in a table
  gossip::MemberState state = gossip::MemberState::Alive;
  std::uint64_t incarnation = 0;
  Instant since{};       // of the state
  Instant last_heard{};  // the last packet that it sent to us; of ourselves: the start

  [[nodiscard]] const NodeName& name() const { return card->name; }
  [[nodiscard]] const Address& gossip() const { return card->gossip; }
  [[nodiscard]] const gossip::Meta& meta() const { return card->meta; }
};

// Takes part in the protocol: Alive or Suspect.
[[nodiscard]] inline bool is_live(gossip::MemberState state) {
  return state == gossip::MemberState::Alive || state == gossip::MemberState::Suspect;
}
[[nodiscard]] inline bool is_live(const Member& member) { return is_live(member.state); }

class MemberTable {
 public:
  using Predicate = std::function<bool(const Member&)>;
  class Iterator;

  explicit MemberTable(Member self);

  [[nodiscard]] Iterator begin() const;  // in the order of names
  [[nodiscard]] Iterator end() const;
  [[nodiscard]] std::size_t size() const { return by_name_.size(); }
  [[nodiscard]] bool contains(const NodeName& name) const { return find(name) != nullptr; }
  // Pointers and references hold until the next insert or erase.
  [[nodiscard]] const Member* find(const NodeName& name) const;
  [[nodiscard]] Member* find(const NodeName& name);
  [[nodiscard]] const Member& at(const NodeName& name) const;  // pre: it is there
  [[nodiscard]] const Member& self() const { return slots_[kSelf]; }
  [[nodiscard]] Member& self() { return slots_[kSelf]; }
  [[nodiscard]] std::size_t live() const { return live_; }  // with ourselves
  // Of the names, addresses and incarnations of the living, in whatever order they came: equal
  // tables have equal digests, and different ones with a probability of 1 - 2^-63. A suspicion
  // changes nothing. Never 0.
  [[nodiscard]] std::uint64_t digest() const { return digest_ | 1; }

  // Pre: no member of that name. It is probed in the current round already, at a random place.
  Member& insert(Member member, Rng& rng);
  // Room for so many, without a waste.
  void reserve(std::size_t members);
  // Pre: a member other than ourselves.
  void erase(const NodeName& name);
  // The only way to change these: keeps the count and the digest of the living and `since`.
  void change(Member& member, gossip::MemberState state, std::uint64_t incarnation, Instant now);

  // Pre: a card of the same name.
  void replace_card(Member& member, gossip::CardPtr card);

  // Up to `count` different eligible others, uniformly.
  [[nodiscard]] std::vector<const Member*> pick(std::size_t count, const Predicate& eligible,
                                                Rng& rng) const;
  // The next eligible one of a round-robin that is shuffled anew each round (SWIM, section 4.3: a
  // failed member is probed within 2n - 1 intervals), or nullptr.
  [[nodiscard]] const Member* next_to_probe(const Predicate& eligible, Rng& rng);

 private:
  using Slot = std::uint32_t;
  static constexpr Slot kSelf = 0;

  [[nodiscard]] std::vector<Slot>::const_iterator place_of(const NodeName& name) const;
  void toggle(const Member& member);  // in or out of the digest

  std::vector<Member> slots_;  // no card: free
  std::vector<Slot> free_;
  std::vector<Slot> by_name_;
  std::vector<Slot> round_;  // the others in probing order
  std::size_t next_ = 0;     // into round_
  std::size_t live_ = 1;
  std::uint64_t digest_ = 0;
};

class MemberTable::Iterator {
 public:
  using value_type = Member;
  using difference_type = std::ptrdiff_t;
  using reference = const Member&;
  using pointer = const Member*;
  using iterator_category = std::forward_iterator_tag;

  Iterator() = default;
  Iterator(const MemberTable* table, std::size_t place) : table_(table), place_(place) {}
  reference operator*() const { return table_->slots_[table_->by_name_[place_]]; }
  pointer operator->() const { return &**this; }
  Iterator& operator++() {
    ++place_;
    return *this;
  }
  Iterator operator++(int) {
    Iterator before = *this;
    ++place_;
    return before;
  }
  bool operator==(const Iterator&) const = default;

 private:
  const MemberTable* table_ = nullptr;
  std::size_t place_ = 0;  // into by_name_
};

inline MemberTable::Iterator MemberTable::begin() const { return {this, 0}; }
inline MemberTable::Iterator MemberTable::end() const { return {this, by_name_.size()}; }

}  // namespace muster::health
