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
  ping.target = target.name;
  send(target.gossip, target.name, std::move(ping));
}

void Swim::start_probe(const Member& target, bool urgent, Instant now) {
  ++counters_.probes;
  const std::uint32_t sequence = ++last_sequence_;
  // Only the end is stretched by our own health: a direct answer does not come later for it.
  Probe probe{target.name,
              now + options_.probe_timeout,
              now + awareness_.scale(options_.probe_interval),
              {},
              {}};
  send_ping(sequence, target);
  Probe& started = probes_.emplace(sequence, std::move(probe)).first->second;
  if (urgent) ask_relays(sequence, started);
}

void Swim::ask_relays(std::uint32_t sequence, Probe& probe) {
  probe.indirect_at = kNever;
  const Member* target = table_.find(probe.target);
  if (target == nullptr) return;
  const auto can_relay = [&](const Member& member) {
    return member.state == MemberState::Alive && member.name != probe.target;
  };
  probe.relays = table_.pick(static_cast<std::size_t>(options_.indirect_checks), can_relay, rng_);
  for (const NodeName& relay : probe.relays) {
    gossip::Packet request;
    request.kind = PacketKind::IndirectPing;
    request.sequence = sequence;
    request.target = target->name;
    request.target_address = target->gossip;
    send(table_.find(relay)->gossip, relay, std::move(request));
  }
}

void Swim::hint_unreachable(const NodeName& name, Instant now) {
  if (halted_ || leaving_ || name == self_) return;
  notice_time(now);
  const Member* member = table_.find(name);
  if (member == nullptr || !is_live(*member)) return;
  for (auto& [sequence, probe] : probes_) {
    if (probe.target != name) continue;
    if (probe.indirect_at != kNever) ask_relays(sequence, probe);
    return;
  }
  second_looks_.erase(name);
  start_probe(*member, true, now);
}

void Swim::tick_probes(Instant now) {
  std::vector<Probe> failed;
  for (auto entry = probes_.begin(); entry != probes_.end();) {
    Probe& probe = entry->second;
    if (now >= probe.ends) {
      failed.push_back(std::move(probe));
      entry = probes_.erase(entry);
      continue;
    }
    if (now >= probe.indirect_at) ask_relays(entry->first, probe);
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
  for (const NodeName& relay : probe.relays) {
    const bool sent = probe.nacks.contains(relay);
    const Member* member = table_.find(relay);
    // A relay that is under suspicion itself says nothing about us: two may have died at once.
    if (!sent && (member == nullptr || member->state != MemberState::Alive)) continue;
    ++expected;
    received += sent ? 1 : 0;
  }
  awareness_.apply(awareness_delta_of_failure(expected, received));
  gossip::Claim claim;
  claim.state = MemberState::Suspect;
  claim.name = target->name;
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
    if (suspect != nullptr && suspect->state == MemberState::Suspect && !is_probed(suspect->name)) {
      start_probe(*suspect, false, now);
    }
  }
  if (now < next_probe_) return;
  next_probe_ = now + awareness_.scale(options_.probe_interval);  // late ticks are skipped
  const auto wanted = [&](const Member& member) {
    return is_live(member) && !is_probed(member.name);
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
                  Relay{target->name, packet.from, from, packet.sequence, now + rest * 4 / 5,
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
  const bool relayed =
      std::find(probe.relays.begin(), probe.relays.end(), packet.from) != probe.relays.end();
  if (packet.from != probe.target && !relayed) return;
  awareness_.apply(-1);
  probes_.erase(found);
}

void Swim::on_nack(const gossip::Packet& packet) {
  const auto found = probes_.find(packet.sequence);
  if (found == probes_.end()) return;
  Probe& probe = found->second;
  if (std::find(probe.relays.begin(), probe.relays.end(), packet.from) == probe.relays.end())
    return;
  probe.nacks.insert(packet.from);
}

}  // namespace muster::health
