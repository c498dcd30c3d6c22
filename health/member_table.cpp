#include "health/member_table.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace muster::health {
namespace {

// The finaliser of splitmix64 (Steele, Lea, Flood 2014): spreads a few bits over all.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

MemberTable::MemberTable(Member self) {
  CHECK(self.card != nullptr && is_live(self));
  slots_.push_back(std::move(self));
  by_name_.push_back(kSelf);
  toggle(slots_[kSelf]);
}

void MemberTable::toggle(const Member& member) {
  if (!is_live(member)) return;
  const std::uint64_t who = fnv1a64(member.gossip().host, fnv1a64(member.name() + "@"));
  digest_ ^= mix(mix(who ^ member.gossip().port) + member.incarnation);
}

std::vector<MemberTable::Slot>::const_iterator MemberTable::place_of(const NodeName& name) const {
  return std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](Slot slot, const NodeName& wanted) { return slots_[slot].name() < wanted; });
}

const Member* MemberTable::find(const NodeName& name) const {
  const auto place = place_of(name);
  if (place == by_name_.end() || slots_[*place].name() != name) return nullptr;
  return &slots_[*place];
}

Member* MemberTable::find(const NodeName& name) {
  return const_cast<Member*>(std::as_const(*this).find(name));
}

const Member& MemberTable::at(const NodeName& name) const {
  const Member* member = find(name);
  CHECK(member != nullptr);
  return *member;
}

void MemberTable::reserve(std::size_t members) {
  slots_.reserve(members);
  by_name_.reserve(members);
  round_.reserve(members - 1);
}

Member& MemberTable::insert(Member member, Rng& rng) {
  CHECK(member.card != nullptr);
  const auto place = place_of(member.name());
  CHECK(place == by_name_.end() || slots_[*place].name() != member.name());
  const auto index = place - by_name_.begin();
  Slot slot = static_cast<Slot>(slots_.size());
  if (free_.empty()) {
    slots_.push_back(std::move(member));
  } else {
    slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::move(member);
  }
  by_name_.insert(by_name_.begin() + index, slot);
  round_.push_back(slot);
  std::swap(round_.back(),
            round_[next_ + static_cast<std::size_t>(rng.below(round_.size() - next_))]);
  if (is_live(slots_[slot])) ++live_;
  toggle(slots_[slot]);
  return slots_[slot];
}

void MemberTable::erase(const NodeName& name) {
  const auto place = place_of(name);
  CHECK(place != by_name_.end() && slots_[*place].name() == name && *place != kSelf);
  const Slot slot = *place;
  if (is_live(slots_[slot])) --live_;
  toggle(slots_[slot]);
  const auto turn = std::find(round_.begin(), round_.end(), slot);
  if (turn - round_.begin() < static_cast<std::ptrdiff_t>(next_)) --next_;
  round_.erase(turn);
  by_name_.erase(place);
  slots_[slot] = Member{};
  free_.push_back(slot);
}

void MemberTable::change(Member& member, gossip::MemberState state, std::uint64_t incarnation,
                         Instant now) {
  toggle(member);
  if (is_live(member)) --live_;
  if (member.state != state) member.since = now;
  member.state = state;
  member.incarnation = incarnation;
  if (is_live(member)) ++live_;
  toggle(member);
}

void MemberTable::replace_card(Member& member, gossip::CardPtr card) {
  CHECK(card != nullptr && card->name == member.name());
  toggle(member);
  member.card = std::move(card);
  toggle(member);
}

std::vector<const Member*> MemberTable::pick(std::size_t count, const Predicate& eligible,
                                             Rng& rng) const {
  std::vector<const Member*> picked;
  const auto take = [&](const Member& member) {
    if (member.card == nullptr || &member == &self()) return;
    if (std::find(picked.begin(), picked.end(), &member) != picked.end()) return;
    if (eligible(member)) picked.push_back(&member);
  };
  // Most are eligible most of the time: then a few draws do.
  for (std::size_t tries = 4 * count; tries > 0 && picked.size() < count; --tries) {
    take(slots_[static_cast<std::size_t>(rng.below(slots_.size()))]);
  }
  if (picked.size() >= count) return picked;
  // Draw from those that are, then.
  std::vector<const Member*> rest;
  for (const Member& member : slots_) {
    const bool drawn = std::find(picked.begin(), picked.end(), &member) != picked.end();
    const bool fits = member.card != nullptr && &member != &self() && !drawn && eligible(member);
    if (fits) rest.push_back(&member);
  }
  while (picked.size() < count && !rest.empty()) {
    std::swap(rest.back(), rest[static_cast<std::size_t>(rng.below(rest.size()))]);
    picked.push_back(rest.back());
    rest.pop_back();
  }
  return picked;
}

const Member* MemberTable::next_to_probe(const Predicate& eligible, Rng& rng) {
  for (std::size_t tries = 0; tries < round_.size(); ++tries) {
    if (next_ >= round_.size()) {
      rng.shuffle(round_);
      next_ = 0;
    }
    const Member& member = slots_[round_[next_++]];
    if (eligible(member)) return &member;
  }
  return nullptr;
}

}  // namespace muster::health
