// Failure detection: probes, relays, suspicions that run out.
#include <algorithm>
#include <utility>

#include "health/swim.h"

namespace muster::health {
namespace {

using gossip::MemberState;
using gossip::PacketKind;

constexpr std::size_t kRelaysMax = 1024;  // indirect pings under way; more are refused with a nack

}  // namespace

bool Swim::is_probed(const NodeName& name) const {
  return std::any_of(probes_.begin(), probes_.end(),
                     [&](const auto& entry) { return entry.second.target == name; });
}

void Swim::send_ping(std::uint32_t sequence, const Member& target) {
  gossip::Packet ping;
  ping.kind = PacketKind::Ping;
  ping.sequence = sequence;
  ping.target = target.name();
  send(target.gossip(), target.name(), std::move(ping));
}

void Swim::start_probe(const Member& target, bool urgent, Instant now) {
  ++counters_.probes;
  const std::uint32_t sequence = ++last_sequence_;
  // Only the end is stretched by our own health: a direct answer does not come later for it.
  Probe probe{target.name(), now + options_.probe_timeout,
              now + awareness_.scale(options_.probe_interval), FailedProbe{}};
  probe.record.sent = now;
  probe.record.hinted = urgent;
  send_ping(sequence, target);
  Probe& started = probes_.emplace(sequence, std::move(probe)).first->second;
  if (urgent) ask_relays(sequence, started, now);
}

void Swim::ask_relays(std::uint32_t sequence, Probe& probe, Instant now) {
  probe.indirect_at = kNever;
  const Member* target = table_.find(probe.target);
  if (target == nullptr) return;
  const auto can_relay = [&](const Member& member) {
    return member.state == MemberState::Alive && &member != target;
  };
  probe.record.relays_asked = now;
  for (const Member* relay :
       table_.pick(static_cast<std::size_t>(options_.indirect_checks), can_relay, rng_)) {
    probe.record.relays.push_back(relay->name());
    gossip::Packet request;
    request.kind = PacketKind::IndirectPing;
    request.sequence = sequence;
    request.target = target->name();
    request.target_address = target->gossip();
    send(relay->gossip(), relay->name(), std::move(request));
  }
  stream_ping(sequence, probe, *target, now);
}

// Beside the relays: where UDP is filtered or floods, TCP may still tell that the member lives.
void Swim::stream_ping(std::uint32_t sequence, Probe& probe, const Member& target, Instant now) {
  if (!speaks(target, gossip::kStreamPingsSince)) return;
  probe.record.stream_tried = true;
  gossip::Packet ping;
  ping.kind = PacketKind::Ping;
  ping.sequence = sequence;
  ping.target = target.name();
  fill(ping, target.name());
  effects_.emplace_back(
      StartStreamPing{sequence, target.gossip(), std::move(ping), probe.ends - now});
}

void Swim::on_stream_ping_ended(std::uint32_t sequence, const gossip::Packet* answer, Instant now) {
  if (halted_ || leaving_) return;
  notice_time(now);
  const auto found = probes_.find(sequence);
  if (answer == nullptr) {
    if (found != probes_.end()) found->second.record.stream_refused = true;
    return;
  }
  if (!understood(*answer) || answer->kind != PacketKind::Ack) return;
  if (found == probes_.end() || answer->from != found->second.target) return;
  if (Member* target = table_.find(answer->from)) target->last_heard = now;
  ++counters_.stream_acks;
  awareness_.apply(-1);
  probes_.erase(found);
  apply_all(*answer, now);
}

void Swim::hint_unreachable(const NodeName& name, Instant now) {
  if (halted_ || leaving_ || name == self_) return;
  notice_time(now);
  const Member* member = table_.find(name);
  // A suspect is being looked at already; and one sign of trouble brings more: each ping to a dead
  // member draws an ICMP error of its own.
  if (member == nullptr || member->state != MemberState::Alive) return;
  const auto [hinted, first] = hinted_.emplace(name, now);
  if (!first && now - hinted->second < options_.probe_interval) return;
  hinted->second = now;
  for (auto& [sequence, probe] : probes_) {
    if (probe.target != name) continue;
    if (probe.indirect_at == kNever) return;
    ++counters_.hints;
    probe.record.hinted = true;
    ask_relays(sequence, probe, now);
    return;
  }
  ++counters_.hints;
  second_looks_.erase(name);
  start_probe(*member, true, now);
}

void Swim::hint_unreachable_at(const Address& gossip, Instant now) {
  for (const Member& member : table_) {
    if (member.gossip() != gossip || !is_live(member)) continue;
    const NodeName name = member.name();
    // What came back may be a ping that we sent for another member, who judges it: else all relays
    // of one probe would begin probes with relays of their own.
    const bool relayed = std::any_of(relays_.begin(), relays_.end(), [&](const auto& relay) {
      return relay.second.target == name;
    });
    if (relayed && !is_probed(name)) return;
    return hint_unreachable(name, now);
  }
}

void Swim::on_strain(Duration loop_lag, double cpu_pressure) {
  awareness_.set_floor(strain_floor(loop_lag, cpu_pressure, options_.probe_timeout));
}

void Swim::tick_probes(Instant now) {
  std::vector<Probe> failed;
  for (auto entry = probes_.begin(); entry != probes_.end();) {
    Probe& probe = entry->second;
    if (now >= probe.indirect_at) {
      // However late we come, nobody is accused whom relays have had no time to reach.
      ask_relays(entry->first, probe, now);
      probe.ends = std::max(probe.ends, now + options_.probe_interval - options_.probe_timeout);
    }
    if (now >= probe.ends) {
      failed.push_back(std::move(probe));
      entry = probes_.erase(entry);
      continue;
    }
    ++entry;
  }
  for (const Probe& probe : failed) fail_probe(probe, now);
}

void Swim::fail_probe(const Probe& probe, Instant now) {
  const Member* target = table_.find(probe.target);
  if (target == nullptr || !is_live(*target)) return;
  ++counters_.probes_failed;
  int expected = 0;
  int received = 0;
  const std::vector<NodeName>& nacks = probe.record.nacks;
  for (const NodeName& relay : probe.record.relays) {
    const bool sent = std::find(nacks.begin(), nacks.end(), relay) != nacks.end();
    const Member* member = table_.find(relay);
    // A relay that is under suspicion itself says nothing about us: two may have died at once.
    if (!sent && (member == nullptr || member->state != MemberState::Alive)) continue;
    ++expected;
    received += sent ? 1 : 0;
  }
  awareness_.apply(awareness_delta_of_failure(expected, received));
  failed_probes_[probe.target] = probe.record;
  gossip::Claim claim;
  claim.state = MemberState::Suspect;
  claim.name = target->name();
  claim.incarnation = target->incarnation;
  claim.accuser = self_;
  apply_suspect(claim, now);
}

void Swim::probe_next(Instant now) {
  for (auto look = second_looks_.begin(); look != second_looks_.end();) {
    if (now < look->second) {
      ++look;
      continue;
    }
    const Member* suspect = table_.find(look->first);
    look = second_looks_.erase(look);
    if (suspect != nullptr && suspect->state == MemberState::Suspect &&
        !is_probed(suspect->name())) {
      start_probe(*suspect, false, now);
    }
  }
  if (now < next_probe_) return;
  next_probe_ = now + awareness_.scale(options_.probe_interval);  // late ticks are skipped
  const auto wanted = [&](const Member& member) {
    return is_live(member) && !is_probed(member.name());
  };
  if (const Member* target = table_.next_to_probe(wanted, rng_)) start_probe(*target, false, now);
}

void Swim::expire_suspicions(Instant now) {
  std::vector<NodeName> expired;
  for (const auto& [name, timer] : suspicions_) {
    if (now >= timer.deadline()) expired.push_back(name);
  }
  for (const NodeName& name : expired) {
    gossip::Claim claim;
    claim.state = MemberState::Failed;
    claim.name = name;
    claim.incarnation = table_.find(name)->incarnation;
    claim.accuser = self_;
    apply_end(claim, now);
  }
}

// The target's address is the one that we know, never the one in the request: else anybody could
// have us send packets to anywhere.
void Swim::relay_ping(const Address& from, const gossip::Packet& packet, Instant now) {
  const Member* target = table_.find(packet.target);
  if (packet.target == self_ || target == nullptr || relays_.size() >= kRelaysMax) {
    gossip::Packet nack;
    nack.kind = PacketKind::Nack;
    nack.sequence = packet.sequence;
    send(from, packet.from, std::move(nack));
    return;
  }
  // The nack must be back before the requester's probe ends (Lifeguard: at 80 % of the time).
  const Duration rest =
      std::min(options_.probe_timeout, options_.probe_interval - options_.probe_timeout);
  const std::uint32_t sequence = ++last_sequence_;
  relays_.emplace(sequence,
                  Relay{target->name(), packet.from, from, packet.sequence, now + rest * 4 / 5,
                        now + options_.probe_interval * (kHealthScoreMax + 1)});
  send_ping(sequence, *target);
}

void Swim::tick_relays(Instant now) {
  for (auto entry = relays_.begin(); entry != relays_.end();) {
    Relay& relay = entry->second;
    if (now >= relay.nack_at) {
      relay.nack_at = kNever;
      gossip::Packet nack;
      nack.kind = PacketKind::Nack;
      nack.sequence = relay.sequence;
      send(relay.requester, relay.requester_name, std::move(nack));
    }
    entry = now >= relay.ends ? relays_.erase(entry) : std::next(entry);
  }
}

void Swim::on_ack(const gossip::Packet& packet) {
  const auto asked = relays_.find(packet.sequence);
  if (asked != relays_.end() && asked->second.target == packet.from) {
    gossip::Packet ack;
    ack.kind = PacketKind::Ack;
    ack.sequence = asked->second.sequence;
    const Relay done = std::move(asked->second);
    relays_.erase(asked);
    send(done.requester, done.requester_name, std::move(ack));
    return;
  }
  const auto found = probes_.find(packet.sequence);
  if (found == probes_.end()) return;
  const Probe& probe = found->second;
  const std::vector<NodeName>& relays = probe.record.relays;
  const bool relayed = std::find(relays.begin(), relays.end(), packet.from) != relays.end();
  if (packet.from != probe.target && !relayed) return;
  awareness_.apply(-1);
  probes_.erase(found);
}

void Swim::on_nack(const gossip::Packet& packet) {
  const auto found = probes_.find(packet.sequence);
  if (found == probes_.end()) return;
  FailedProbe& record = found->second.record;
  const auto among = [&](const std::vector<NodeName>& names) {
    return std::find(names.begin(), names.end(), packet.from) != names.end();
  };
  if (among(record.relays) && !among(record.nacks)) record.nacks.push_back(packet.from);
}

}  // namespace muster::health
