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
constexpr Duration kConflictSilence = std::chrono::minutes(1);
constexpr Duration kSecondLookWithin = std::chrono::milliseconds(20);
constexpr std::uint64_t kSecondLookers = 6;  // expected number of members that take one

bool has_address(const Claim& claim) {
  return !claim.gossip.host.empty() && claim.gossip.port != 0;
}

std::string describe(const Evidence& evidence, Instant now) {
  std::string text;
  if (!evidence.accuser.empty()) text = "suspected by " + evidence.accuser + ", ";
  for (std::size_t i = 0; i < evidence.confirmers.size(); ++i) {
    text += (i == 0 ? "confirmed by " : " and ") + evidence.confirmers[i];
    if (i + 1 == evidence.confirmers.size()) text += ", ";
  }
  char silence[64];
  std::snprintf(silence, sizeof silence, "last heard %.2f s ago",
                seconds(now - evidence.last_heard));
  return text + silence;
}

}  // namespace

Claim Swim::claim_about(const Member& member, bool whole) const {
  Claim claim;
  claim.state = member.state;
  claim.name = member.name;
  claim.incarnation = member.incarnation;
  if (member.state != MemberState::Alive) claim.accuser = member.accuser;
  if (whole || member.state == MemberState::Alive) {
    claim.gossip = member.gossip;
    claim.meta = member.meta;
  }
  return claim;
}

void Swim::apply(const Claim& claim, Source source, Instant now) {
  if (claim.incarnation > kIncarnationMax || !valid_name(claim.name)) {
    ++counters_.refused_claims;
    return;
  }
  if (claim.name == self_) return apply_to_self(claim, now);
  const Member* known = table_.find(claim.name);
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

void Swim::apply_to_self(const Claim& claim, Instant now) {
  const Member& self = table_.self();
  if (leaving_) return;
  const bool live = claim.state == MemberState::Alive || claim.state == MemberState::Suspect;
  if (live && has_address(claim) && claim.gossip != self.gossip) {
    if (joined_) {
      if (claim.incarnation >= self.incarnation) {
        report_conflict(self_, self.gossip, claim.gossip, now);
      }
      return;
    }
    halted_ = true;
    effects_.emplace_back(NameTaken{claim.gossip});
    return;
  }
  if (claim.incarnation < self.incarnation) return;
  const bool same = claim.state == MemberState::Alive && claim.incarnation == self.incarnation &&
                    claim.meta == self.meta;
  if (!same) refute(claim.incarnation, now);
}

// Also how a restarted agent goes above its earlier life; that is no sign of ill health.
void Swim::refute(std::uint64_t incarnation, Instant now) {
  ++counters_.refutations;
  if (joined_) awareness_.apply(1);
  Member& self = table_.self();
  self.incarnation = std::max(self.incarnation, incarnation) + 1;
  enqueue(claim_about(self, false), now);
}

// The failed and the left are learned only while joining: else tombstones that one member has
// dropped would come back from another for ever.
void Swim::learn(const Claim& claim, Instant now) {
  const bool live = claim.state == MemberState::Alive || claim.state == MemberState::Suspect;
  if (!has_address(claim) || (!live && joined_)) return;
  if (table_.size() >= kMembersMax) {
    ++counters_.refused_claims;
    return;
  }
  Member fresh{claim.name,
               live ? MemberState::Alive : claim.state,
               claim.incarnation,
               claim.gossip,
               claim.meta,
               live ? NodeName{} : claim.accuser,
               now,
               now};
  const Member& member = table_.insert(std::move(fresh), rng_);
  if (live) enqueue(claim_about(member, false), now);
  Evidence evidence = evidence_about(member, now);
  evidence.text = live ? "joined" : "learned while joining";
  changed(std::nullopt, member, std::move(evidence));
  if (claim.state == MemberState::Suspect) apply_suspect(claim, now);
}

void Swim::apply_alive(const Claim& claim, Instant now) {
  Member& member = *table_.find(claim.name);
  if (!has_address(claim)) return;
  const bool moved = claim.gossip != member.gossip;
  if (moved && is_live(member)) {  // the name of a failed or left member is free
    if (claim.incarnation >= member.incarnation) {
      report_conflict(claim.name, member.gossip, claim.gossip, now);
    }
    return;
  }
  if (claim.incarnation <= member.incarnation) return;
  const Member before = member;
  Evidence evidence = evidence_about(member, now);
  evidence.text = before.state == MemberState::Alive
                      ? "changed its meta, incarnation " + std::to_string(claim.incarnation)
                      : "refuted with incarnation " + std::to_string(claim.incarnation);
  suspicions_.erase(claim.name);
  second_looks_.erase(claim.name);
  if (moved) std::erase_if(probes_, [&](const auto& p) { return p.second.target == claim.name; });
  member.incarnation = claim.incarnation;
  member.gossip = claim.gossip;
  member.meta = claim.meta;
  member.accuser.clear();
  table_.set_state(member, MemberState::Alive, now);
  enqueue(claim_about(member, false), now);
  if (before.state != MemberState::Alive || before.meta != member.meta || moved) {
    changed(before, member, std::move(evidence));
  }
}

void Swim::apply_suspect(const Claim& claim, Instant now) {
  Member& member = *table_.find(claim.name);
  if (leaving_ || claim.incarnation < member.incarnation || !is_live(member)) return;
  const auto running = suspicions_.find(claim.name);
  if (running != suspicions_.end()) {
    member.incarnation = claim.incarnation;
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
  member.incarnation = claim.incarnation;
  member.accuser = claim.accuser;
  table_.set_state(member, MemberState::Suspect, now);
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
  suspicions_.erase(claim.name);
  second_looks_.erase(claim.name);
  member.incarnation = claim.incarnation;
  member.accuser = left ? claim.name : claim.accuser;
  table_.set_state(member, left ? MemberState::Left : MemberState::Failed, now);
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
  const auto suspicion = suspicions_.find(member.name);
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
