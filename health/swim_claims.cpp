// What is believed: the order of claims about one member is incarnation first, then
// Alive < Suspect < Failed < Left (SWIM, section 4.2).
#include <algorithm>
#include <cstdio>
#include <utility>

#include "health/swim.h"

namespace muster::health {
namespace {

using gossip::Claim;
using gossip::MemberState;

// Nobody counts this far; a claim that says so would leave no room to refute it.
constexpr std::uint64_t kIncarnationMax = std::uint64_t{1} << 62;
// ... nor does anybody get so far ahead of what we know: one forged claim must not use up a name.
constexpr std::uint64_t kIncarnationLeap = std::uint64_t{1} << 32;
// So that kMembersMax of them fit into one table on the wire.
constexpr std::size_t kClaimBytesMax = 500;
constexpr Duration kConflictSilence = std::chrono::minutes(1);
constexpr Duration kSecondLookWithin = std::chrono::milliseconds(20);
constexpr std::uint64_t kSecondLookers = 6;  // expected number of members that take one

// A card counts when it is that of the member and can be written to.
bool has_card(const Claim& claim) {
  return claim.card != nullptr && claim.card->name == claim.name &&
         !claim.card->gossip.host.empty() && claim.card->gossip.port != 0;
}

// A member of version 1 passes a card on without what it does not know.
bool says_the_same(gossip::Card told, const gossip::Card& own) {
  if (told.meta.protocol == gossip::ProtocolRange{}) {
    told.meta.protocol = own.meta.protocol;
    told.meta.labels = own.meta.labels;
  }
  return told == own;
}

void list(std::string& text, const std::vector<NodeName>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
}

// What we did ourselves: "own ping 0.21 s ago unanswered, n3 and n4 asked 0.11 s ago (nack from
// n3), stream ping refused".
std::string describe(const FailedProbe& probe, Instant now) {
  char number[64];
  std::snprintf(number, sizeof number, "own ping %.2f s ago unanswered", seconds(now - probe.sent));
  std::string text = number;
  if (!probe.relays.empty()) {
    text += ", ";
    list(text, probe.relays);
    std::snprintf(number, sizeof number, " asked %.2f s ago", seconds(now - probe.relays_asked));
    text += number;
    if (!probe.nacks.empty()) {
      text += " (nack from ";
      list(text, probe.nacks);
      text += ")";
    }
  }
  if (probe.stream_tried) {
    text += probe.stream_refused ? ", stream ping refused" : ", stream ping unanswered";
  }
  return text;
}

std::string describe(const Evidence& evidence, Instant now) {
  std::string text;
  if (!evidence.accuser.empty()) text = "suspected by " + evidence.accuser + ", ";
  if (!evidence.confirmers.empty()) {
    text += "confirmed by ";
    list(text, evidence.confirmers);
    text += ", ";
  }
  char silence[64];
  std::snprintf(silence, sizeof silence, "last heard %.2f s ago",
                seconds(now - evidence.last_heard));
  text += silence;
  if (evidence.probe) text += "; " + describe(*evidence.probe, now);
  return text;
}

}  // namespace

Claim Swim::claim_about(const Member& member, bool whole) const {
  Claim claim;
  claim.state = member.state;
  claim.name = member.name();
  claim.incarnation = member.incarnation;
  if (member.state != MemberState::Alive) claim.accuser = accuser_of(member.name());
  if (whole || member.state == MemberState::Alive) claim.card = member.card;
  return claim;
}

NodeName Swim::accuser_of(const NodeName& name) const {
  const auto found = accusers_.find(name);
  return found == accusers_.end() ? NodeName{} : found->second;
}

// Every change of a member that is known goes through here.
void Swim::transition(Member& member, MemberState state, std::uint64_t incarnation,
                      const NodeName& accuser, Instant now) {
  if (state != MemberState::Suspect) {
    suspicions_.erase(member.name());
    second_looks_.erase(member.name());
  }
  if (state == MemberState::Alive) {
    accusers_.erase(member.name());
    failed_probes_.erase(member.name());
  } else {
    accusers_[member.name()] = accuser;
  }
  if (is_live(member.state) != is_live(state) || member.incarnation != incarnation) {
    differs_since_ = kNever;  // what we differed in may be this
  }
  table_.change(member, state, incarnation, now);
}

void Swim::apply(const Claim& claim, Source source, Instant now) {
  const Member* known = table_.find(claim.name);
  const std::uint64_t expected = known == nullptr ? 0 : known->incarnation;
  if (claim.incarnation > std::min(kIncarnationMax, expected + kIncarnationLeap) ||
      !valid_name(claim.name) || gossip::claim_bytes_max(claim) > kClaimBytesMax) {
    ++counters_.refused_claims;
    return;
  }
  if (claim.name == self_) return apply_to_self(claim, now);
  if (known == nullptr) return learn(claim, now);
  switch (claim.state) {
    case MemberState::Alive: return apply_alive(claim, now);
    case MemberState::Suspect:
      // In a table a suspicion carries an address too: it was alive there before.
      if (source == Source::Sync) apply_alive(claim, now);
      return apply_suspect(claim, now);
    case MemberState::Failed:
      // Another's table may be old news: whoever is alive to us gets the chance to refute.
      if (source == Source::Sync && claim.accuser != claim.name) return apply_suspect(claim, now);
      return apply_end(claim, now);
    case MemberState::Left: return apply_end(claim, now);
  }
}

bool Swim::apply_all(const gossip::Packet& packet, Instant now) {
  for (const Claim& claim : packet.claims) {
    apply(claim, Source::Packet, now);
    if (halted_) return false;
  }
  return true;
}

void Swim::apply_to_self(const Claim& claim, Instant now) {
  const Member& self = table_.self();
  if (leaving_) return;
  if (is_live(claim.state) && has_card(claim) && claim.card->gossip != self.gossip()) {
    if (joined_) {
      if (claim.incarnation >= self.incarnation) {
        report_conflict(self_, self.gossip(), claim.card->gossip, now);
      }
      return open_dispute(claim, now);
    }
    halted_ = true;
    effects_.emplace_back(NameTaken{claim.card->gossip});
    return;
  }
  if (claim.incarnation < self.incarnation) {
    // Whoever still says so has missed that we refuted it; gossip of it may have ended long ago.
    if (claim.state != MemberState::Alive && !queue_.contains(self_)) {
      enqueue(claim_about(self, false), now);
    }
    return;
  }
  const bool same = claim.state == MemberState::Alive && claim.incarnation == self.incarnation &&
                    has_card(claim) && says_the_same(*claim.card, *self.card);
  if (!same) refute(claim.incarnation, now);
}

// Also how a restarted agent goes above its earlier life; that is no sign of ill health.
void Swim::refute(std::uint64_t incarnation, Instant now) {
  ++counters_.refutations;
  if (joined_) awareness_.apply(1);
  Member& self = table_.self();
  table_.change(self, self.state, std::max(self.incarnation, incarnation) + 1, now);
  differs_since_ = kNever;
  enqueue(claim_about(self, false), now);
}

// The failed and the left are learned only while joining: else tombstones that one member has
// dropped would come back from another for ever.
void Swim::learn(const Claim& claim, Instant now) {
  const bool live = is_live(claim.state);
  if (!has_card(claim) || (!live && joined_)) return;
  if (table_.size() >= kMembersMax) {
    ++counters_.refused_claims;
    return;
  }
  if (!live) accusers_[claim.name] = claim.accuser;
  Member fresh{claim.card, live ? MemberState::Alive : claim.state, claim.incarnation, now, now};
  differs_since_ = kNever;
  const Member& member = table_.insert(std::move(fresh), rng_);
  // A newcomer learns what the others know already.
  if (live && joined_) enqueue(claim_about(member, false), now);
  Evidence evidence = evidence_about(member, now);
  evidence.text = live ? "joined" : "learned while joining";
  changed(std::nullopt, member, std::move(evidence));
  if (claim.state == MemberState::Suspect) apply_suspect(claim, now);
}

void Swim::apply_alive(const Claim& claim, Instant now) {
  Member& member = *table_.find(claim.name);
  if (!has_card(claim)) return;
  const bool moved = claim.card->gossip != member.gossip();
  if (moved && is_live(member)) {  // the name of a failed or left member is free
    if (claim.incarnation >= member.incarnation) {
      report_conflict(claim.name, member.gossip(), claim.card->gossip, now);
    }
    return;
  }
  if (claim.incarnation <= member.incarnation) return;
  const Member before = member;
  Evidence evidence = evidence_about(member, now);
  evidence.text = before.state == MemberState::Alive
                      ? "changed its meta, incarnation " + std::to_string(claim.incarnation)
                      : "refuted with incarnation " + std::to_string(claim.incarnation);
  if (moved) std::erase_if(probes_, [&](const auto& p) { return p.second.target == claim.name; });
  const bool changed_card = *claim.card != *member.card;
  if (changed_card) table_.replace_card(member, claim.card);
  transition(member, MemberState::Alive, claim.incarnation, {}, now);
  enqueue(claim_about(member, false), now);
  if (before.state != MemberState::Alive || changed_card) {
    changed(before, member, std::move(evidence));
  }
}

void Swim::apply_suspect(const Claim& claim, Instant now) {
  Member& member = *table_.find(claim.name);
  if (leaving_ || claim.incarnation < member.incarnation || !is_live(member)) return;
  const auto running = suspicions_.find(claim.name);
  if (running != suspicions_.end() && claim.incarnation > member.incarnation) {
    suspicions_.erase(running);  // it refuted meanwhile, which we missed: this is another suspicion
  } else if (running != suspicions_.end()) {
    if (!running->second.confirm(claim.accuser)) return;
    Claim confirmation = claim_about(member, false);
    confirmation.accuser = claim.accuser;
    return enqueue(std::move(confirmation), now);
  }
  const Member before = member;
  const std::size_t n = table_.live();
  const Duration min = suspicion_min(options_.suspicion_mult, n, options_.probe_interval);
  suspicions_.emplace(
      claim.name, SuspicionTimer(claim.accuser, confirmations_wanted(options_.suspicion_mult, n),
                                 min, suspicion_max(min, options_.suspicion_max_mult), now));
  transition(member, MemberState::Suspect, claim.incarnation, claim.accuser, now);
  enqueue(claim_about(member, false), now);
  if (claim.accuser != self_ && rng_.below(n) < kSecondLookers) {
    second_looks_.emplace(claim.name, now + rng_.below(kSecondLookWithin));
  }
  Evidence evidence = evidence_about(member, now);
  evidence.text = describe(evidence, now);
  changed(before, member, std::move(evidence));
}

void Swim::apply_end(const Claim& claim, Instant now) {
  Member& member = *table_.find(claim.name);
  const bool left = claim.state == MemberState::Left || claim.accuser == claim.name;
  if (claim.incarnation < member.incarnation || member.state == MemberState::Left) return;
  if (member.state == MemberState::Failed && !left) return;
  const Member before = member;
  Evidence evidence = evidence_about(member, now);  // with the suspicion, which ends here
  if (left) {
    evidence.text = "said that it leaves";
  } else {
    if (evidence.accuser.empty()) evidence.accuser = claim.accuser;
    evidence.text = describe(evidence, now);
  }
  transition(member, left ? MemberState::Left : MemberState::Failed, claim.incarnation,
             left ? claim.name : claim.accuser, now);
  enqueue(claim_about(member, false), now);
  changed(before, member, std::move(evidence));
}

void Swim::report_conflict(const NodeName& name, const Address& known, const Address& claimed,
                           Instant now) {
  const auto [said, first] = conflict_said_.emplace(name, now);
  if (!first && now - said->second < kConflictSilence) return;
  said->second = now;
  effects_.emplace_back(Conflict{name, known, claimed});
}

Evidence Swim::evidence_about(const Member& member, Instant now) const {
  Evidence evidence;
  evidence.suspected_at = now;
  evidence.last_heard = member.last_heard;
  if (const auto probe = failed_probes_.find(member.name()); probe != failed_probes_.end()) {
    evidence.probe = probe->second;
  }
  const auto suspicion = suspicions_.find(member.name());
  if (suspicion == suspicions_.end()) return evidence;
  evidence.accuser = suspicion->second.accuser();
  evidence.confirmers = suspicion->second.confirmers();
  evidence.suspected_at = suspicion->second.since();
  return evidence;
}

void Swim::changed(std::optional<Member> before, const Member& member, Evidence evidence) {
  effects_.emplace_back(MemberChanged{std::move(before), member, std::move(evidence)});
}

}  // namespace muster::health
