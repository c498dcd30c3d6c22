// The network of the world: how do datagrams, exchanges of tables and streams travel?
#include <algorithm>
#include <utility>

#include "world.h"

namespace muster::sim {
namespace {

// As the drivers set it (TCP_USER_TIMEOUT, the time of an exchange).
constexpr Duration kUnacknowledged = std::chrono::seconds(3);
constexpr Duration kExchange = std::chrono::seconds(5);
constexpr Duration kFirstSyn = std::chrono::seconds(1);
constexpr Duration kRetransmit = std::chrono::milliseconds(200);

}  // namespace

// --- cuts ---

void World::cut(const NodeName& from, const NodeName& to) {
  trace_.add(now(), from, "** cut off towards " + to);
  network_.cut(id_of(from), id_of(to));
}

void World::mend(const NodeName& from, const NodeName& to) {
  trace_.add(now(), from, "** reaches " + to + " again");
  network_.mend(id_of(from), id_of(to), now());
  resume_streams();
}

void World::partition(const std::set<NodeName>& side) {
  for (const NodeName& a : side) {
    trace_.add(now(), a, "** on the cut off side of a partition");
    for (HostId b = 0; b < hosts_.size(); ++b) {
      if (side.contains(names_[b])) continue;
      network_.cut(id_of(a), b);
      network_.cut(b, id_of(a));
    }
  }
}

void World::mend_partition(const std::set<NodeName>& side) {
  for (const NodeName& a : side) {
    trace_.add(now(), a, "** the partition ends");
    for (HostId b = 0; b < hosts_.size(); ++b) {
      if (side.contains(names_[b])) continue;
      network_.mend(id_of(a), b, now());
      network_.mend(b, id_of(a), now());
    }
  }
  resume_streams();
}

void World::heal() {
  network_.heal(now());
  resume_streams();
}

bool World::reaches(HostId from, HostId to) const {
  return network_.open(from, to) && !hosts_[from].off && !hosts_[to].off;
}

// --- datagrams ---

void World::act(HostId id, Host& /*host*/, health::SendPacket& effect) {
  const auto to = gossip_addresses_.find(effect.to);
  if (to == gossip_addresses_.end() || !reaches(id, to->second)) return;
  if (network_.duplicates(id, to->second, rng_)) send_datagram(id, to->second, effect.packet);
  send_datagram(id, to->second, std::move(effect.packet));
}

void World::send_datagram(HostId from, HostId to, gossip::Packet packet) {
  if (network_.loses(from, to, rng_)) return;
  const Address& sender = hosts_[from].options.info.gossip;
  at(now() + network_.trip(from, to, rng_),
     [this, from, to, event = agent::PacketArrived{sender, std::move(packet)}]() mutable {
       Host& receiver = hosts_[to];
       if (receiver.off) return;
       if (!receiver.node) return port_unreachable(from, receiver.options.info.gossip);
       arrive(to, receiver.life, std::move(event));
     });
}

// The kernel of a host whose agent is dead says so to whoever sends there.
void World::port_unreachable(HostId sender, const Address& to) {
  if (trace_.on()) trace_.add(now(), names_[sender], "ICMP: nobody listens at " + to.text());
  if (hosts_[sender].off || !hosts_[sender].node) return;
  arrive(sender, hosts_[sender].life, agent::GossipUnreachable{to});
}

// --- exchanges of tables ---

void World::act(HostId id, Host& host, health::StartSync& effect) {
  const std::uint64_t exchange = ++last_exchange_;
  const auto found = gossip_addresses_.find(effect.to);
  const HostId to = found == gossip_addresses_.end() ? id : found->second;
  if (trace_.on()) trace_.add(now(), names_[id], "asks " + names_[to] + " for its table");
  exchanges_[exchange] = {id, host.life, effect.id, to};
  at(now() + kExchange, [this, exchange] { end_exchange(exchange, std::nullopt); });
  if (found == gossip_addresses_.end() || !mutual(id, to)) return;
  at(now() + network_.stream_trip(id, to, rng_),
     [this, exchange, to, sync = std::move(effect.sync)]() mutable {
       Host& answerer = hosts_[to];
       if (!exchanges_.contains(exchange) || answerer.off) return;
       if (!answerer.node) return end_exchange(exchange, std::nullopt);  // refused
       arrive(to, answerer.life, agent::SyncArrived{exchange, std::move(sync)});
     });
}

void World::act(HostId id, Host& /*host*/, health::AnswerSync& effect) {
  const auto found = exchanges_.find(effect.exchange);
  if (found == exchanges_.end() || !mutual(id, found->second.requester)) return;
  at(now() + network_.stream_trip(id, found->second.requester, rng_),
     [this, exchange = effect.exchange, sync = std::move(effect.sync)]() mutable {
       end_exchange(exchange, std::move(sync));
     });
}

void World::end_exchange(std::uint64_t exchange, std::optional<gossip::Sync> sync) {
  const auto found = exchanges_.find(exchange);
  if (found == exchanges_.end()) return;
  const Exchange ended = found->second;
  exchanges_.erase(found);
  arrive(ended.requester, ended.life, agent::SyncEnded{ended.id, std::move(sync)});
}

// --- streams ---

void World::act(HostId id, Host& host, agent::OpenStream& effect) {
  const auto to = rpc_addresses_.find(effect.to);
  const HostId peer = to == rpc_addresses_.end() ? id : to->second;
  ends_[{id, effect.stream}] = StreamEnd{peer, 0, 0, now(), {}, kNever};
  at(now() + kUnacknowledged, [this, id, stream = effect.stream, life = host.life] {
    const auto end = ends_.find({id, stream});
    if (hosts_[id].life != life || end == ends_.end() || end->second.peer_stream != 0) return;
    break_stream(id, stream, "timed out");
  });
  if (to != rpc_addresses_.end()) connect(id, effect.stream, peer, kFirstSyn);
}

void World::connect(HostId from, StreamId stream, HostId to, Duration wait) {
  const auto end = ends_.find({from, stream});
  if (end == ends_.end() || end->second.peer_stream != 0) return;
  const std::uint64_t life = hosts_[from].life;
  if (!mutual(from, to)) {
    return at(now() + wait, [this, from, stream, to, wait, life] {
      if (hosts_[from].life == life) connect(from, stream, to, 2 * wait);
    });
  }
  const Duration trip = network_.stream_trip(from, to, rng_);
  Host& peer = hosts_[to];
  if (!peer.node) {
    return at(now() + trip, [this, from, stream, life] {
      if (hosts_[from].life != life || !ends_.contains({from, stream})) return;
      arrive(from, life, agent::NobodyListens{stream});
      break_stream(from, stream, "connection refused");
    });
  }
  const StreamId other = peer.next_accepted += 2;
  end->second.peer_life = peer.life;
  end->second.peer_stream = other;
  end->second.last = now() + trip;
  ends_[{to, other}] = StreamEnd{from, life, stream, now() + 2 * trip, {}, kNever};
  at(now() + trip, [this, from, stream, to, other, peer_life = peer.life] {
    land(from, stream, to, peer_life, other, agent::StreamAccepted{other});
  });
  at(now() + 2 * trip, [this, from, stream, to, other, life] {
    land(to, other, from, life, stream, agent::StreamOpened{stream});
  });
}

void World::act(HostId id, Host& host, agent::SendFrame& effect) {
  const auto found = ends_.find({id, effect.stream});
  if (found == ends_.end() || found->second.peer_stream == 0) return;
  if (const auto* consensus = std::get_if<rpc::Consensus>(&effect.frame)) {
    consensus_.said(id, found->second.peer, consensus->message, host.log.durable(), now());
  }
  carry(id, effect.stream, agent::FrameArrived{found->second.peer_stream, std::move(effect.frame)});
}

// Towards the peer, behind what was sent before. Pre: the stream is connected.
void World::carry(HostId from, StreamId stream, agent::Event event) {
  StreamEnd& end = ends_.at({from, stream});
  if (!mutual(from, end.peer) || !end.waiting.empty()) {
    return stall(from, stream, end, std::move(event));
  }
  end.last = std::max(end.last, now() + network_.stream_trip(from, end.peer, rng_));
  at(end.last, [this, from, stream, to = end.peer, life = end.peer_life,
                to_stream = end.peer_stream, event = std::move(event)]() mutable {
    land(from, stream, to, life, to_stream, std::move(event));
  });
}

void World::land(HostId from, StreamId stream, HostId to, std::uint64_t life, StreamId to_stream,
                 agent::Event event) {
  Host& host = hosts_[to];
  if (host.off) return;
  const auto end = ends_.find({to, to_stream});
  if (host.life != life || !host.node || end == ends_.end()) {
    // Nobody has this stream any more: the kernel there resets it.
    const auto sender = ends_.find({from, stream});
    const bool same = sender != ends_.end() && sender->second.peer == to &&
                      sender->second.peer_life == life && sender->second.peer_stream == to_stream;
    if (same && mutual(from, to)) break_stream(from, stream, "reset");
    return;
  }
  if (std::holds_alternative<agent::StreamClosed>(event)) ends_.erase(end);
  arrive(to, life, std::move(event));
}

void World::act(HostId id, Host& /*host*/, agent::CloseStream& effect) {
  const auto found = ends_.find({id, effect.stream});
  if (found == ends_.end()) return;
  const StreamEnd end = std::move(found->second);
  ends_.erase(found);
  if (end.peer_stream == 0 || !end.waiting.empty() || !mutual(id, end.peer)) return;
  at(std::max(end.last, now() + network_.stream_trip(id, end.peer, rng_)),
     [this, id, stream = effect.stream, end] {
       land(id, stream, end.peer, end.peer_life, end.peer_stream,
            agent::StreamClosed{end.peer_stream, "closed by the peer"});
     });
}

// What is sent into a cut waits for its end, but not for ever.
void World::stall(HostId from, StreamId stream, StreamEnd& end, agent::Event event) {
  end.waiting.push_back(std::move(event));
  if (end.stalled_since != kNever) return;
  end.stalled_since = now();
  at(now() + kUnacknowledged, [this, from, stream, since = now(), life = hosts_[from].life] {
    const auto same = ends_.find({from, stream});
    if (hosts_[from].life != life || same == ends_.end()) return;
    if (same->second.stalled_since == since) break_stream(from, stream, "timed out");
  });
}

// A link is open again: each stream notices when it next sends again what was not acknowledged.
void World::resume_streams() {
  for (auto& [key, end] : ends_) {
    if (end.waiting.empty() || !mutual(key.first, end.peer)) continue;
    const Duration backoff = std::max(kRetransmit, now() - end.stalled_since);
    at(now() + rng_.below(backoff),
       [this, from = key.first, stream = key.second] { resume(from, stream); });
  }
}

void World::resume(HostId from, StreamId stream) {
  const auto found = ends_.find({from, stream});
  if (found == ends_.end() || found->second.waiting.empty()) return;
  if (!mutual(from, found->second.peer)) return;
  std::deque<agent::Event> waiting = std::exchange(found->second.waiting, {});
  found->second.stalled_since = kNever;
  for (agent::Event& event : waiting) carry(from, stream, std::move(event));
}

// Seen by this end alone: the other one notices when it sends.
void World::break_stream(HostId id, StreamId stream, const std::string& why) {
  if (ends_.erase({id, stream}) == 0) return;
  arrive(id, hosts_[id].life, agent::StreamClosed{stream, why});
}

// The kernel of a dead process resets its connections, with whoever can be reached.
void World::reset_streams(HostId id) {
  const auto first = ends_.lower_bound({id, 0});
  auto last = first;
  for (; last != ends_.end() && last->first.first == id; ++last) {
    const StreamEnd& end = last->second;
    if (end.peer_stream == 0 || end.peer == id || !mutual(id, end.peer)) continue;
    at(now() + network_.trip(id, end.peer, rng_),
       [this, id, stream = last->first.second, to = end.peer, life = end.peer_life,
        to_stream = end.peer_stream] {
         land(id, stream, to, life, to_stream, agent::StreamClosed{to_stream, "reset"});
       });
  }
  ends_.erase(first, last);
  for (auto it = exchanges_.begin(); it != exchanges_.end();) {
    const auto& [number, exchange] = *it;
    const bool asked = exchange.answerer == id && mutual(id, exchange.requester);
    if (asked && exchange.requester != id) {
      at(now() + network_.trip(id, exchange.requester, rng_),
         [this, ended = number] { end_exchange(ended, std::nullopt); });
    }
    it = exchange.requester == id ? exchanges_.erase(it) : std::next(it);
  }
}

}  // namespace muster::sim
