#include "health/member_history.h"

#include <utility>

namespace muster::health {
namespace {

using gossip::MemberState;

MemberEventKind kind_of(const MemberChanged& change) {
  const MemberState now = change.now.state;
  if (!change.before) {
    return is_live(now) ? MemberEventKind::Joined : MemberEventKind::Learned;
  }
  const MemberState before = change.before->state;
  if (before == now) return MemberEventKind::Changed;
  switch (now) {
    case MemberState::Suspect: return MemberEventKind::Suspected;
    case MemberState::Failed: return MemberEventKind::Failed;
    case MemberState::Left: return MemberEventKind::Left;
    case MemberState::Alive: break;
  }
  return before == MemberState::Suspect ? MemberEventKind::Refuted : MemberEventKind::Returned;
}

}  // namespace

std::string_view to_text(MemberEventKind kind) {
  switch (kind) {
    case MemberEventKind::Joined: return "joined";
    case MemberEventKind::Learned: return "learned";
    case MemberEventKind::Suspected: return "suspected";
    case MemberEventKind::Refuted: return "refuted";
    case MemberEventKind::Failed: return "failed";
    case MemberEventKind::Left: return "left";
    case MemberEventKind::Returned: return "returned";
    case MemberEventKind::Changed: return "changed";
    case MemberEventKind::Flapping: return "flapping";
  }
  return "changed";
}

void MemberHistory::record(const MemberChanged& change, Instant now) {
  const NodeName& name = change.now.name();
  MemberEvent event{0, now, kind_of(change), change.before, change.now, change.evidence, {}};
  event.evidence.text = {};
  const bool down = event.kind == MemberEventKind::Failed || event.kind == MemberEventKind::Refuted;
  const bool flapping = down && begins_to_flap(name, now);
  add(name, event);
  if (!flapping) return;
  ++flaps_;
  event.kind = MemberEventKind::Flapping;
  event.evidence = {};
  event.flaps_since = flaps_of_.at(name).times.front();
  add(name, std::move(event));
}

bool MemberHistory::begins_to_flap(const NodeName& name, Instant now) {
  Flap& flap = flaps_of_[name];
  while (!flap.times.empty() && now - flap.times.front() > kFlapWithin) flap.times.pop_front();
  if (flap.times.empty()) flap.going_on = false;
  flap.times.push_back(now);
  if (flap.times.size() > kFlapTimes) flap.times.pop_front();
  if (flap.going_on || flap.times.size() < kFlapTimes) return false;
  return flap.going_on = true;
}

std::shared_ptr<const MemberEventsByName> MemberHistory::events() const {
  shared_ = true;
  return events_;
}

const MemberEvents& MemberHistory::of(const NodeName& name) const {
  static const MemberEvents kNone;
  const auto found = events_->find(name);
  return found == events_->end() ? kNone : *found->second;
}

MemberHistory::Rank MemberHistory::rank_of(const NodeName& name, const MemberEvents& events) {
  return {events.size(), events.front()->sequence, name};
}

void MemberHistory::add(const NodeName& name, MemberEvent event) {
  event.sequence = ++last_sequence_;
  MemberEvents events = of(name);
  if (events.size() >= kMemberEventsMax) events.erase(events.begin());
  events.push_back(std::make_shared<const MemberEvent>(std::move(event)));
  put(name, std::move(events));
  if (size_ <= kHistoryEventsMax) return;
  const NodeName chattiest = ranks_.rbegin()->name;
  MemberEvents fewer = of(chattiest);
  fewer.erase(fewer.begin());
  put(chattiest, std::move(fewer));
}

// The only writer of what is kept: keeps the ranks and the size.
void MemberHistory::put(const NodeName& name, MemberEvents events) {
  if (std::exchange(shared_, false)) events_ = std::make_shared<MemberEventsByName>(*events_);
  if (const MemberEvents& old = of(name); !old.empty()) {
    ranks_.erase(rank_of(name, old));
    size_ -= old.size();
  }
  size_ += events.size();
  if (events.empty()) {
    events_->erase(name);
    flaps_of_.erase(name);
    return;
  }
  ranks_.insert(rank_of(name, events));
  (*events_)[name] = std::make_shared<const MemberEvents>(std::move(events));
}

}  // namespace muster::health
