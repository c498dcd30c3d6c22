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

Member own_member(const gossip::Claim& self, Instant now) {
  CHECK(self.state == MemberState::Alive && valid_name(self.name));
  return Member{self.name, MemberState::Alive, self.incarnation, self.gossip, self.meta, {}, now,
                now};
}

}  // namespace

Swim::Swim(const SwimOptions& options, std::string_view cluster, const gossip::Claim& self,
           Instant now, Rng& rng)
    : options_(options),
      cluster_(fnv1a64(cluster)),
      rng_(rng),
      self_(self.name),
      table_(own_member(self, now)),
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
  Member& self = table_.self();
  table_.set_state(self, MemberState::Left, now);
  self.accuser = self_;
  enqueue(claim_about(self, false), now);
  gossip(now);
}

bool Swim::leave_done() const { return leaving_ && !queue_.contains(self_); }

void Swim::set_meta(const gossip::Meta& meta, Instant now) {
  notice_time(now);
  Member& self = table_.self();
  if (self.meta == meta || leaving_) return;
  self.meta = meta;
  ++self.incarnation;
  enqueue(claim_about(self, false), now);
}

void Swim::on_packet(const Address& from, const gossip::Packet& packet, Instant now) {
  if (halted_) return;
  notice_time(now);
  if (packet.cluster != cluster_) {
    ++counters_.foreign_cluster;
    return;
  }
  if (packet.from == self_) {
    ++counters_.misaddressed;
    return;
  }
  if (Member* sender = table_.find(packet.from)) sender->last_heard = now;
  for (const gossip::Claim& claim : packet.claims) {
    apply(claim, Source::Packet, now);
    if (halted_) return;
  }
  if (table_.find(packet.from) == nullptr) meet_stranger(from, now);
  switch (packet.kind) {
    case PacketKind::Ping: answer_ping(from, packet); break;
    case PacketKind::IndirectPing: relay_ping(from, packet, now); break;
    case PacketKind::Ack: on_ack(packet); break;
    case PacketKind::Nack: on_nack(packet); break;
    case PacketKind::Gossip: break;
  }
}

void Swim::answer_ping(const Address& from, const gossip::Packet& packet) {
  if (packet.target != self_) {  // a new owner of this address must not keep the old one alive
    ++counters_.misaddressed;
    return;
  }
  gossip::Packet ack;
  ack.kind = PacketKind::Ack;
  ack.sequence = packet.sequence;
  send(from, packet.from, std::move(ack));
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
    if (now >= next_housekeeping_) forget_tombstones(now);
  }
  if (!queue_.empty() && now >= next_gossip_) gossip(now);
}

Instant Swim::deadline() const {
  if (halted_) return kNever;
  Instant next = queue_.empty() ? kNever : next_gossip_;
  for (const auto& [sequence, relay] : relays_) {
    next = std::min({next, relay.nack_at, relay.ends});
  }
  if (leaving_) return next;
  for (const auto& [name, at] : second_looks_) next = std::min(next, at);
  next = std::min(
      {next, next_probe_, next_push_pull_, next_reconnect_, next_join_, next_housekeeping_});
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
    probe.relays.clear();
    probe.nacks.clear();
    if (const Member* target = table_.find(probe.target)) send_ping(sequence, *target);
  }
  // The others may have given us up: the answers to a probe and to an exchange tell us at once.
  next_probe_ = now;
  next_push_pull_ = now;
  next_gossip_ = std::max(next_gossip_, now);
  next_reconnect_ = std::max(next_reconnect_, now);
  next_housekeeping_ = std::max(next_housekeeping_, now);
  if (next_join_ != kNever) next_join_ = std::max(next_join_, now);
}

void Swim::enqueue(gossip::Claim claim, Instant now) {
  if (queue_.empty()) next_gossip_ = std::max(next_gossip_, now);
  queue_.push(std::move(claim));
}

// Fills the packet with claims. The first one is about its receiver if that is not alive to us, so
// that it can refute at once (Lifeguard, section IV-C: "buddy system").
void Swim::send(const Address& to, const NodeName& to_name, gossip::Packet packet) {
  packet.cluster = cluster_;
  packet.from = self_;
  std::size_t used = gossip::packet_bytes_max(packet);
  const Member* receiver = table_.find(to_name);
  if (receiver != nullptr && receiver->state != MemberState::Alive) {
    packet.claims.push_back(claim_about(*receiver, false));
    used += gossip::claim_bytes_max(packet.claims.back());
  }
  if (used < options_.datagram_bytes_max) {
    const int limit = retransmit_limit(options_.retransmit_mult, table_.live());
    for (gossip::Claim& claim : queue_.take(options_.datagram_bytes_max - used, limit)) {
      packet.claims.push_back(std::move(claim));
    }
  }
  effects_.emplace_back(SendPacket{to, std::move(packet)});
}

void Swim::gossip(Instant now) {
  const auto listens = [&](const Member& member) {
    return is_live(member) ||
           (member.state == MemberState::Failed && now - member.since < kGossipToFailed);
  };
  const auto fanout = static_cast<std::size_t>(options_.gossip_fanout);
  const std::vector<NodeName> peers = table_.pick(fanout, listens, rng_);
  if (peers.empty()) queue_.clear();  // whoever comes gets the whole table first
  for (const NodeName& peer : peers) {
    if (queue_.empty()) break;
    send(table_.find(peer)->gossip, peer, gossip::Packet{});
  }
  next_gossip_ = now + options_.gossip_interval;
}

void Swim::forget_tombstones(Instant now) {
  next_housekeeping_ = now + std::min(kHousekeeping, options_.tombstone);
  std::vector<NodeName> old;
  for (const auto& [name, member] : table_.all()) {
    if (!is_live(member) && now - member.since >= options_.tombstone) old.push_back(name);
  }
  for (const NodeName& name : old) {
    table_.erase(name);
    queue_.erase(name);
  }
  std::erase_if(conflict_said_,
                [&](const auto& said) { return now - said.second > std::chrono::minutes(1); });
}

}  // namespace muster::health
