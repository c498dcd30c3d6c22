#include "health/member_table.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace muster::health {

MemberTable::MemberTable(Member self) : self_(self.name) {
  members_.emplace(self_, std::move(self));
}

const Member* MemberTable::find(const NodeName& name) const {
  const auto found = members_.find(name);
  return found == members_.end() ? nullptr : &found->second;
}

Member* MemberTable::find(const NodeName& name) {
  const auto found = members_.find(name);
  return found == members_.end() ? nullptr : &found->second;
}

Member& MemberTable::insert(Member member, Rng& rng) {
  const NodeName name = member.name;
  if (is_live(member)) ++live_;
  const auto [place, fresh] = members_.emplace(name, std::move(member));
  CHECK(fresh);
  roster_.push_back(name);
  round_.push_back(name);
  std::swap(round_.back(),
            round_[next_ + static_cast<std::size_t>(rng.below(round_.size() - next_))]);
  return place->second;
}

void MemberTable::erase(const NodeName& name) {
  CHECK(name != self_);
  const auto found = members_.find(name);
  CHECK(found != members_.end());
  if (is_live(found->second)) --live_;
  std::erase(roster_, name);
  const auto place = std::find(round_.begin(), round_.end(), name);
  if (place - round_.begin() < static_cast<std::ptrdiff_t>(next_)) --next_;
  round_.erase(place);
  members_.erase(found);
}

void MemberTable::set_state(Member& member, gossip::MemberState state, Instant now) {
  if (member.state == state) return;
  if (is_live(member)) --live_;
  member.state = state;
  member.since = now;
  if (is_live(member)) ++live_;
}

std::vector<NodeName> MemberTable::pick(std::size_t count, const Predicate& eligible, Rng& rng) {
  // A Fisher-Yates shuffle that stops once enough are found: cheap while most are eligible.
  std::vector<NodeName> picked;
  for (std::size_t i = 0; i < roster_.size() && picked.size() < count; ++i) {
    std::swap(roster_[i], roster_[i + static_cast<std::size_t>(rng.below(roster_.size() - i))]);
    if (eligible(members_.at(roster_[i]))) picked.push_back(roster_[i]);
  }
  return picked;
}

const Member* MemberTable::next_to_probe(const Predicate& eligible, Rng& rng) {
  for (std::size_t tries = 0; tries < round_.size(); ++tries) {
    if (next_ >= round_.size()) {
      rng.shuffle(round_);
      next_ = 0;
    }
    const Member& member = members_.at(round_[next_++]);
    if (eligible(member)) return &member;
  }
  return nullptr;
}

}  // namespace muster::health
