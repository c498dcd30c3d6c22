#include "health/swim.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace muster::health {
namespace {

using gossip::MemberState;
using gossip::PacketKind;

constexpr Duration kHousekeeping = std::chrono::minutes(1);
// Failed members hear gossip for a while: one that was only cut off learns of it and refutes.
constexpr Duration kGossipToFailed = std::chrono::seconds(30);
constexpr std::size_t kToldAtOnce = 256;  // datagrams
constexpr Duration kTellingInterval = std::chrono::milliseconds(5);

Member own_member(const gossip::Claim& self, const gossip::ProtocolRange& protocol, Instant now) {
  CHECK(self.state == MemberState::Alive && valid_name(self.name));
  CHECK(self.card != nullptr && self.card->name == self.name);
  gossip::Card card = *self.card;
  card.meta.protocol = protocol;
  return Member{std::make_shared<const gossip::Card>(std::move(card)), MemberState::Alive,
                self.incarnation, now, now};
}

}  // namespace

Swim::Swim(const SwimOptions& options, std::string_view cluster, const gossip::Claim& self,
           Instant now, Rng& rng)
    : options_(options),
      cluster_(fnv1a64(cluster)),
      rng_(rng),
      self_(self.name),
      table_(own_member(self, options.protocol, now)),
      next_digest_sync_(now),
      digest_wait_(options.gossip_interval),
      last_sequence_(static_cast<std::uint32_t>(rng.next())),  // not an earlier life's acks
      join_wait_(options.join_retry),
      push_pull_wait_(options.push_pull_interval),
      next_probe_(now + rng.below(options.probe_interval)),
      next_gossip_(now),
      next_push_pull_(now + rng.below(options.push_pull_interval)),
      next_reconnect_(now + options.reconnect_interval),
      next_housekeeping_(now + std::min(kHousekeeping, options.tombstone)),
      next_stranger_(now),
      hold_until_(now) {}

void Swim::leave(Instant now) {
  if (leaving_ || halted_) return;
  notice_time(now);
  leaving_ = true;
  probes_.clear();
  suspicions_.clear();
  second_looks_.clear();
  dispute_.ends = kNever;
  Member& self = table_.self();
  transition(self, MemberState::Left, self.incarnation, self_, now);
  enqueue(claim_about(self, false), now);
  gossip(now);
}

bool Swim::leave_done() const { return leaving_ && !queue_.contains(self_); }

void Swim::set_meta(const gossip::Meta& meta, Instant now) {
  notice_time(now);
  Member& self = table_.self();
  gossip::Card card = *self.card;
  card.meta = meta;
  card.meta.protocol = options_.protocol;
  if (card == *self.card || leaving_) return;
  table_.replace_card(self, std::make_shared<const gossip::Card>(std::move(card)));
  table_.change(self, self.state, self.incarnation + 1, now);
  differs_since_ = kNever;
  enqueue(claim_about(self, false), now);
}

void Swim::resume(const std::vector<gossip::Claim>& members, Instant now) {
  table_.reserve(members.size() + 1);
  for (const gossip::Claim& claim : members) {
    if (claim.name == self_ || table_.contains(claim.name)) continue;
    table_.insert(Member{claim.card, MemberState::Alive, claim.incarnation, now, now}, rng_);
  }
  joined_ = true;
  next_push_pull_ = now + rng_.below(push_pull_scaled(options_.push_pull_interval, table_.live()));
}

// Drops what comes from another cluster, from another time or from our own name.
bool Swim::understood(const gossip::Packet& packet) {
  if (packet.cluster != cluster_) {
    ++counters_.foreign_cluster;
  } else if (packet.version < options_.protocol.min || packet.version > options_.protocol.max ||
             gossip::common_version(options_.protocol, packet.protocol) == 0) {
    ++counters_.wrong_version;
  } else if (packet.from == self_) {
    ++counters_.misaddressed;
  } else {
    return true;
  }
  return false;
}

void Swim::on_packet(const Address& from, const gossip::Packet& packet, Instant now) {
  if (halted_) return;
  notice_time(now);
  if (!understood(packet)) return;
  receive(from, packet, now);
  if (halted_) return;
  switch (packet.kind) {
    case PacketKind::Ping:
      // A new owner of this address must not keep the old one alive.
      if (packet.target != self_) {
        ++counters_.misaddressed;
      } else {
        send(from, packet.from, ack_of(packet));
      }
      break;
    case PacketKind::IndirectPing: relay_ping(from, packet, now); break;
    case PacketKind::Ack: on_ack(packet); break;
    case PacketKind::Nack: on_nack(packet); break;
    case PacketKind::Gossip: break;
    case PacketKind::NameQuery: answer_name_query(from, packet); break;
    case PacketKind::NameReply: on_name_reply(packet); break;
  }
}

// What every packet brings, whatever it is for.
void Swim::receive(const Address& from, const gossip::Packet& packet, Instant now) {
  if (Member* sender = table_.find(packet.from)) {
    sender->last_heard = now;
    note_versions(*sender, packet.protocol);
  }
  if (!apply_all(packet, now)) return;
  const Member* sender = table_.find(packet.from);
  if (sender == nullptr) return meet_stranger(from, now);
  if (packet.leads_term != 0 && is_live(*sender) && sender->meta().master) {
    effects_.emplace_back(LeaderHeard{packet.from, packet.leads_term});
  }
  compare(packet, now);
}

// A member of version 1 passes cards on without what it does not know, versions among it: what the
// member itself says counts.
void Swim::note_versions(Member& sender, const gossip::ProtocolRange& speaks) {
  if (sender.meta().protocol == speaks || speaks == gossip::ProtocolRange{}) return;
  gossip::Card card = *sender.card;
  card.meta.protocol = speaks;
  table_.replace_card(sender, std::make_shared<const gossip::Card>(std::move(card)));
}

gossip::Packet Swim::ack_of(const gossip::Packet& ping) const {
  gossip::Packet ack;
  ack.kind = PacketKind::Ack;
  ack.sequence = ping.sequence;
  return ack;
}

void Swim::on_stream_ping(std::uint64_t exchange, const gossip::Packet& packet, Instant now) {
  if (halted_) return;
  notice_time(now);
  if (!understood(packet) || packet.kind != PacketKind::Ping) return;
  // Its source is a port of the moment and no place to ask for a table.
  if (!apply_all(packet, now)) return;
  if (packet.target != self_) {
    ++counters_.misaddressed;
    return;
  }
  gossip::Packet ack = ack_of(packet);
  fill(ack, packet.from);
  effects_.emplace_back(AnswerStreamPing{exchange, std::move(ack)});
}

void Swim::tick(Instant now) {
  if (halted_) return;
  notice_time(now);
  tick_relays(now);
  if (!leaving_) {
    if (now >= hold_until_) {
      tick_probes(now);
      expire_suspicions(now);
    }
    probe_next(now);
    if (now >= next_push_pull_) push_pull(now);
    if (now >= next_reconnect_) reconnect(now);
    if (now >= next_join_) try_seeds(now);
    if (now >= dispute_.ends) close_dispute(now);
    if (halted_) return;
    if (now >= next_housekeeping_) forget_tombstones(now);
  }
  if (now >= next_telling_) tell_who_leads(now);
  if (!queue_.empty() && now >= next_gossip_) gossip(now);
}

Instant Swim::deadline() const {
  if (halted_) return kNever;
  Instant next = std::min(next_telling_, queue_.empty() ? kNever : next_gossip_);
  for (const auto& [sequence, relay] : relays_) {
    next = std::min({next, relay.nack_at, relay.ends});
  }
  if (leaving_) return next;
  for (const auto& [name, at] : second_looks_) next = std::min(next, at);
  next = std::min({next, next_probe_, next_push_pull_, next_reconnect_, next_join_, dispute_.ends,
                   next_housekeeping_});
  const Instant judgement = next_judgement();
  return judgement == kNever ? next : std::min(next, std::max(judgement, hold_until_));
}

Instant Swim::next_judgement() const {
  Instant next = kNever;
  for (const auto& [sequence, probe] : probes_) {
    next = std::min({next, probe.indirect_at, probe.ends});
  }
  for (const auto& [name, timer] : suspicions_) next = std::min(next, timer.deadline());
  return next;
}

std::vector<SwimEffect> Swim::take_effects() { return std::exchange(effects_, {}); }

// Called first by everything that is told the time. A loop that comes late has not read its socket
// meanwhile: the answers that it waits for may lie there unread. So after a small lateness nobody
// is judged until the loop has had as much time again (once, so that a loop that is always late
// still judges), and after one of more than a probe interval every wait starts over.
void Swim::notice_time(Instant now) {
  const Instant due = deadline();
  if (due >= now) return;
  const Duration late = now - due;
  if (late > options_.probe_interval) {
    recover_from_stall(late, now);
  } else if (late > options_.probe_timeout / 4 && now >= hold_until_ + options_.probe_interval) {
    hold_until_ = now + late;
  }
}

void Swim::recover_from_stall(Duration late, Instant now) {
  ++counters_.stalls;
  awareness_.apply(1);
  for (auto& [name, timer] : suspicions_) timer.extend(late);
  for (auto& [name, at] : second_looks_) at = std::max(at, now);
  relays_.clear();  // their requesters have given up
  for (auto& [sequence, probe] : probes_) {
    probe.indirect_at = now + options_.probe_timeout;
    probe.ends = now + awareness_.scale(options_.probe_interval);
    probe.record = FailedProbe{};
    probe.record.sent = now;
    if (const Member* target = table_.find(probe.target)) send_ping(sequence, *target);
  }
  // The others may have given us up: the answers to a probe and to an exchange tell us at once.
  next_probe_ = now;
  next_push_pull_ = now;
  next_gossip_ = std::max(next_gossip_, now);
  untold_.clear();  // another may lead by now
  next_telling_ = kNever;
  if (dispute_.ends != kNever) dispute_.ends = now + 2 * options_.probe_interval;
  next_reconnect_ = std::max(next_reconnect_, now);
  next_housekeeping_ = std::max(next_housekeeping_, now);
  if (next_join_ != kNever) next_join_ = std::max(next_join_, now);
}

void Swim::enqueue(gossip::Claim claim, Instant now) {
  if (queue_.empty()) next_gossip_ = std::max(next_gossip_, now);
  queue_.push(std::move(claim));
}

// 0: we have none in common.
std::uint32_t Swim::version_with(const Member& member) const {
  return gossip::common_version(options_.protocol, member.meta().protocol);
}

bool Swim::speaks(const Member& member, std::uint32_t version) const {
  return version_with(member) >= version;
}

void Swim::send(const Address& to, const NodeName& to_name, gossip::Packet packet) {
  fill(packet, to_name);
  effects_.emplace_back(SendPacket{to, std::move(packet)});
}

// Completes the packet, with claims up to its size. The first one is about its receiver if that is
// not alive to us, so that it can refute at once (Lifeguard, section IV-C: "buddy system").
void Swim::fill(gossip::Packet& packet, const NodeName& to_name) {
  packet.cluster = cluster_;
  packet.from = self_;
  packet.protocol = options_.protocol;
  const Member* receiver = table_.find(to_name);
  const std::uint32_t version = receiver == nullptr ? 0 : version_with(*receiver);
  packet.version = version == 0 ? options_.protocol.min : version;
  const bool compared = packet.kind == PacketKind::Ping || packet.kind == PacketKind::Ack;
  if (compared && joined_ && queue_.empty() && packet.version >= gossip::kDigestsSince) {
    packet.digest = table_.digest();
  }
  std::size_t used = gossip::packet_bytes_max(packet);
  for (const gossip::Claim& claim : packet.claims) used += gossip::claim_bytes_max(claim);
  if (receiver != nullptr && receiver->state != MemberState::Alive) {
    packet.claims.push_back(claim_about(*receiver, false));
    used += gossip::claim_bytes_max(packet.claims.back());
  }
  if (queue_.empty() || used >= options_.datagram_bytes_max) return;
  const int limit = retransmit_limit(options_.retransmit_mult, table_.live());
  for (gossip::Claim& claim : queue_.take(options_.datagram_bytes_max - used, limit)) {
    packet.claims.push_back(std::move(claim));
  }
}

void Swim::gossip(Instant now) {
  const auto listens = [&](const Member& member) {
    return is_live(member) ||
           (member.state == MemberState::Failed && now - member.since < kGossipToFailed);
  };
  const auto fanout = static_cast<std::size_t>(options_.gossip_fanout);
  const std::vector<const Member*> peers = table_.pick(fanout, listens, rng_);
  if (peers.empty()) queue_.clear();  // whoever comes gets the whole table first
  for (const Member* peer : peers) {
    if (queue_.empty()) break;
    send(peer->gossip(), peer->name(), gossip::Packet{});
  }
  next_gossip_ = now + options_.gossip_interval;
}

void Swim::announce_leading(std::uint64_t term, Instant now) {
  if (halted_) return;
  notice_time(now);
  leads_term_ = term;
  untold_.clear();
  for (const Member& member : table_) {
    if (is_live(member) && member.name() != self_) untold_.push_back(member.name());
  }
  next_telling_ = untold_.empty() ? kNever : now;
}

// A part of them at a time: what else is due must not wait for ten thousand datagrams.
void Swim::tell_who_leads(Instant now) {
  for (std::size_t i = 0; i < kToldAtOnce && !untold_.empty(); ++i) {
    const Member* member = table_.find(untold_.front());
    untold_.pop_front();
    if (member == nullptr || !is_live(*member)) continue;
    gossip::Packet packet;
    packet.target = member->name();
    packet.leads_term = leads_term_;
    send(member->gossip(), member->name(), std::move(packet));
  }
  next_telling_ = untold_.empty() ? kNever : now + kTellingInterval;
}

void Swim::forget_tombstones(Instant now) {
  next_housekeeping_ = now + std::min(kHousekeeping, options_.tombstone);
  std::vector<NodeName> old;
  for (const Member& member : table_) {
    if (!is_live(member) && now - member.since >= options_.tombstone) old.push_back(member.name());
  }
  for (const NodeName& name : old) {
    table_.erase(name);
    queue_.erase(name);
    accusers_.erase(name);
    failed_probes_.erase(name);
  }
  std::erase_if(hinted_, [&](const auto& hint) { return now - hint.second > kHousekeeping; });
  std::erase_if(conflict_said_,
                [&](const auto& said) { return now - said.second > std::chrono::minutes(1); });
}

}  // namespace muster::health
