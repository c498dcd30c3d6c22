#include "load_gossip.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <thread>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "base/gossip.h"
#include "health/asio_gossip.h"

namespace muster::load {

struct Members::Impl {
  [[nodiscard]] gossip::Claim alive(const NodeName& name) const {
    gossip::Claim claim;
    claim.name = name;
    claim.incarnation = incarnations.at(name);
    gossip::Card card{name, listen, {}};
    card.meta.protocol = {gossip::kProtocolMin, gossip::kProtocolMax};
    claim.card = std::make_shared<const gossip::Card>(std::move(card));
    return claim;
  }

  [[nodiscard]] gossip::Sync table(bool joining) const {
    gossip::Sync sync;
    sync.cluster = cluster;
    sync.from = incarnations.begin()->first;
    sync.joining = joining;
    sync.protocol = {gossip::kProtocolMin, gossip::kProtocolMax};
    for (const auto& [name, incarnation] : incarnations) sync.members.push_back(alive(name));
    return sync;
  }

  // As every member does, with a higher incarnation (SWIM, section 4.2). What to say then.
  std::vector<gossip::Claim> refuted(const std::vector<gossip::Claim>& claims) {
    std::vector<gossip::Claim> refutations;
    for (const gossip::Claim& claim : claims) {
      const auto own = incarnations.find(claim.name);
      if (own == incarnations.end() || claim.state == gossip::MemberState::Alive) continue;
      own->second = std::max(own->second, claim.incarnation + 1);
      refutations.push_back(alive(claim.name));
    }
    return refutations;
  }

  void on_packet(const Address& from, const gossip::Packet& packet) {
    std::vector<gossip::Claim> refutations = refuted(packet.claims);
    if (packet.leads_term != 0) on_leader(packet.target, packet.from, packet.leads_term);
    if (packet.kind == gossip::PacketKind::Ping && incarnations.contains(packet.target)) {
      gossip->send(from, ack_of(packet));
    }
    if (refutations.empty()) return;
    gossip::Packet news;
    news.cluster = cluster;
    news.from = incarnations.begin()->first;
    news.protocol = {gossip::kProtocolMin, gossip::kProtocolMax};
    news.version = packet.version;
    news.claims = std::move(refutations);
    gossip->send(from, news);
  }

  [[nodiscard]] gossip::Packet ack_of(const gossip::Packet& ping) const {
    gossip::Packet ack;
    ack.kind = gossip::PacketKind::Ack;
    ack.cluster = cluster;
    ack.sequence = ping.sequence;
    ack.from = ping.target;
    ack.target = ping.from;
    ack.protocol = {gossip::kProtocolMin, gossip::kProtocolMax};
    ack.version = ping.version;
    return ack;
  }

  void on_sync(std::uint64_t exchange, const gossip::Sync& sync) {
    refuted(sync.members);
    gossip->answer_sync(exchange, table(false));
  }

  std::uint64_t cluster = 0;
  Address listen;
  std::map<NodeName, std::uint64_t> incarnations;
  std::uint64_t syncs = 0;
  OnLeader on_leader;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> stays = asio::make_work_guard(io);
  std::unique_ptr<health::AsioGossip> gossip;
  std::thread thread;
};

Members::Members(const std::string& cluster, const Address& listen, std::vector<NodeName> names,
                 OnLeader on_leader)
    : impl_(std::make_unique<Impl>()) {
  Impl& all = *impl_;
  all.on_leader = std::move(on_leader);
  all.cluster = fnv1a64(cluster);
  all.listen = listen;
  for (NodeName& name : names) all.incarnations.emplace(std::move(name), 1);
  health::AsioGossip::Handlers handlers;
  handlers.on_packet = [&all](const Address& from, const gossip::Packet& packet) {
    all.on_packet(from, packet);
  };
  handlers.on_sync_request = [&all](std::uint64_t exchange, const gossip::Sync& sync) {
    all.on_sync(exchange, sync);
  };
  handlers.on_sync_reply = [](std::uint64_t, const gossip::Sync&) {};
  handlers.on_sync_failed = [](std::uint64_t) {};
  handlers.on_stream_ping = [&all](std::uint64_t exchange, const gossip::Packet& ping) {
    all.gossip->answer_stream_ping(exchange, all.ack_of(ping));
  };
  handlers.on_stream_ping_ended = [](std::uint32_t, const gossip::Packet*) {};
  handlers.on_unreachable = [](const Address&) {};
  handlers.on_dropped = [](health::GossipDrop, const Address&) {};
  auto opened = health::AsioGossip::open(all.io, listen, std::move(handlers));
  if (!opened) throw std::runtime_error(opened.error().text);
  all.gossip = std::move(*opened);
}

Members::~Members() {
  impl_->io.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void Members::start(const std::vector<Address>& seeds) {
  for (const Address& seed : seeds) {
    impl_->gossip->start_sync(++impl_->syncs, seed, impl_->table(true));
  }
  impl_->thread = std::thread([&io = impl_->io] { io.run(); });
}

}  // namespace muster::load
