#include "load_gossip.h"

#include <set>
#include <stdexcept>

#include "base/gossip.h"
#include "health/asio_gossip.h"
#include "health/openssl_sealer.h"

namespace muster::load {

struct Members::Impl {
  [[nodiscard]] gossip::Sync table(bool joining) const {
    gossip::Sync sync;
    sync.cluster = cluster;
    sync.from = *names.begin();
    sync.joining = joining;
    sync.protocol = {gossip::kProtocolMin, gossip::kProtocolMax};
    for (const NodeName& name : names) {
      gossip::Claim claim;
      claim.name = name;
      claim.incarnation = incarnation;
      gossip::Card card{name, listen, {}};
      card.meta.protocol = sync.protocol;
      claim.card = std::make_shared<const gossip::Card>(std::move(card));
      sync.members.push_back(std::move(claim));
    }
    return sync;
  }

  void on_packet(const Address& from, const gossip::Packet& packet) {
    if (packet.kind != gossip::PacketKind::Ping || !names.contains(packet.target)) return;
    gossip->send(from, ack_of(packet));
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

  std::uint64_t cluster = 0;
  Address listen;
  std::set<NodeName> names;
  std::uint64_t incarnation = 1;
  std::uint64_t syncs = 0;
  std::unique_ptr<health::AsioGossip> gossip;
};

Members::Members(asio::io_context& io, const std::string& cluster, const Address& listen,
                 std::vector<NodeName> names, const std::string& keyring)
    : impl_(std::make_unique<Impl>()) {
  Impl& all = *impl_;
  all.cluster = fnv1a64(cluster);
  all.listen = listen;
  all.names = {names.begin(), names.end()};
  health::AsioGossip::Handlers handlers;
  handlers.on_packet = [&all](const Address& from, const gossip::Packet& packet) {
    all.on_packet(from, packet);
  };
  handlers.on_sync_request = [&all](std::uint64_t exchange, const gossip::Sync&) {
    all.gossip->answer_sync(exchange, all.table(false));
  };
  handlers.on_sync_reply = [](std::uint64_t, const gossip::Sync&) {};
  handlers.on_sync_failed = [](std::uint64_t) {};
  handlers.on_stream_ping = [&all](std::uint64_t exchange, const gossip::Packet& ping) {
    all.gossip->answer_stream_ping(exchange, all.ack_of(ping));
  };
  handlers.on_stream_ping_ended = [](std::uint32_t, const gossip::Packet*) {};
  handlers.on_unreachable = [](const Address&) {};
  handlers.on_dropped = [](health::GossipDrop, const Address&) {};
  if (!keyring.empty()) throw std::runtime_error("--keyring: not in this version");
  auto opened = health::AsioGossip::open(io, listen, std::move(handlers));
  if (!opened) throw std::runtime_error(opened.error().text);
  all.gossip = std::move(*opened);
}

Members::~Members() = default;

void Members::introduce(const Address& to) {
  impl_->gossip->start_sync(++impl_->syncs, to, impl_->table(true));
}

}  // namespace muster::load
