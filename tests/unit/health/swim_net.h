// How do several Swim cores behave together? A small network for their tests.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "health/swim.h"

namespace muster::health {

using namespace std::chrono_literals;
using gossip::MemberState;

inline gossip::CardPtr card(const NodeName& name, const Address& gossip) {
  gossip::Card card{name, gossip, {}};
  card.meta.zone = "z";
  return std::make_shared<const gossip::Card>(std::move(card));
}

// A small network: N cores, virtual time, latency, loss and cuts, all from one seed.
class SwimNet {
 public:
  struct Node {
    std::unique_ptr<Rng> rng;
    std::unique_ptr<Swim> swim;
    Address address;
    bool dead = false;
    bool frozen = false;
    std::vector<std::pair<Instant, SwimEffect>> log;  // all but packets and exchanges
  };

  explicit SwimNet(std::uint64_t seed) : rng(seed) {}

  Node& start(const NodeName& name, const std::vector<Address>& seeds, std::uint16_t port = 0) {
    if (port == 0) port = next_port_++;
    Node& node = nodes[port];
    node = Node{};
    node.address = {"10.0.0.1", port};
    node.rng = std::make_unique<Rng>(rng.next());
    gossip::Claim self;
    self.name = name;
    self.card = card(name, node.address);
    node.swim = std::make_unique<Swim>(options, "test", self, now, *node.rng);
    node.swim->join(seeds, now);
    drain(node);
    return node;
  }
  // n1 on port 1, n2 on port 2, ...; all but the first join through it.
  void start_cluster(int count) {
    for (int i = 1; i <= count; ++i) start(name_of(i), i == 1 ? none : first);
  }
  static NodeName name_of(int i) { return "n" + std::to_string(i); }
  Node& node(int i) { return nodes.at(static_cast<std::uint16_t>(i)); }

  void run(Duration time) {
    run_until([] { return false; }, time);
  }
  // True when `done` became true within `limit`.
  template <class Done>
  bool run_until(const Done& done, Duration limit) {
    const Instant end = now + limit;
    while (!done()) {
      Instant next = queue_.empty() ? kNever : queue_.begin()->first.first;
      for (auto& [port, n] : nodes) {
        if (!n.dead && !n.frozen) next = std::min(next, n.swim->deadline());
      }
      if (next > end) {
        now = end;
        return done();
      }
      now = std::max(now, next);
      step();
    }
    return true;
  }
  bool all_agree() {  // every running node sees exactly the running ones as alive
    std::set<NodeName> running;
    for (auto& [port, n] : nodes) {
      if (!n.dead) running.insert(name(n));
    }
    return std::all_of(nodes.begin(), nodes.end(), [&](auto& entry) {
      return entry.second.dead || alive(entry.second) == running;
    });
  }
  static std::set<NodeName> alive(const Node& n) {
    std::set<NodeName> names;
    for (const Member& member : n.swim->members()) {
      if (member.state == MemberState::Alive) names.insert(member.name());
    }
    return names;
  }
  bool everywhere(const NodeName& who, MemberState state) {
    return std::all_of(nodes.begin(), nodes.end(), [&](auto& entry) {
      const Node& n = entry.second;
      if (n.dead || name(n) == who) return true;
      const Member* found = n.swim->members().find(who);
      return found != nullptr && found->state == state;
    });
  }
  int count(MemberState state) {  // changes into `state` seen anywhere since the last clear
    int total = 0;
    for (auto& [port, n] : nodes) {
      for (const auto& [at, effect] : n.log) {
        const auto* change = std::get_if<MemberChanged>(&effect);
        total += change != nullptr && change->now.state == state &&
                         (!change->before || change->before->state != state)
                     ? 1
                     : 0;
      }
    }
    return total;
  }
  void clear_logs() {
    for (auto& [port, n] : nodes) n.log.clear();
  }
  template <class T>
  static int count_of(const Node& n) {
    return static_cast<int>(std::count_if(n.log.begin(), n.log.end(), [](const auto& entry) {
      return std::holds_alternative<T>(entry.second);
    }));
  }
  static NodeName name(const Node& n) { return n.swim->members().self().name(); }
  void drain(Node& n) {
    for (SwimEffect& effect : n.swim->take_effects()) {
      if (auto* packet = std::get_if<SendPacket>(&effect)) {
        carry(n, *packet);
      } else if (auto* start = std::get_if<StartSync>(&effect)) {
        begin(n, *start);
      } else if (auto* answer = std::get_if<AnswerSync>(&effect)) {
        answers_[answer->exchange] = answer->sync;
      } else if (auto* ping = std::get_if<StartStreamPing>(&effect)) {
        stream_ping(n, *ping);
      } else if (auto* ack = std::get_if<AnswerStreamPing>(&effect)) {
        stream_acks_[ack->exchange] = ack->packet;
      } else {
        n.log.emplace_back(now, effect);
      }
    }
  }
  void thaw(Node& n) {  // packets first, as a loop may well do
    n.frozen = false;
    for (auto& [from, packet] : std::exchange(frozen_mail_[n.address.port], {})) {
      n.swim->on_packet(from, packet, now);
    }
    n.swim->tick(now);
    drain(n);
  }

  Rng rng;
  Instant now{std::chrono::hours(1)};
  SwimOptions options;
  std::map<std::uint16_t, Node> nodes;
  std::set<std::pair<std::uint16_t, std::uint16_t>> cuts;  // from, to: one way
  unsigned loss_percent = 0;
  bool icmp = false;               // whoever sends to a dead one is told
  bool streams = true;             // TCP carries pings
  std::set<std::uint16_t> no_udp;  // neither to nor from these
  std::set<std::uint16_t> mute;    // packets to these lose their claims on the way
  Duration latency_max = 300us;
  std::uint64_t trace = kFnvOffset;
  std::size_t largest = 0;
  const std::vector<Address> none;
  const std::vector<Address> first{{"10.0.0.1", 1}};

 private:
  using Action = std::function<void()>;
  void later(Duration delay, Action action) {
    queue_.emplace(std::make_pair(now + delay, ++order_), std::move(action));
  }
  Duration latency() { return 50us + rng.below(latency_max); }
  bool cut(const Address& from, const Address& to) { return cuts.contains({from.port, to.port}); }

  void carry(Node& from, const SendPacket& send) {
    const std::string line = std::to_string(now.time_since_epoch().count()) + send.to.text() +
                             std::to_string(static_cast<int>(send.packet.kind)) +
                             std::to_string(send.packet.claims.size()) + send.packet.target;
    trace = fnv1a64(line, trace);
    std::size_t bytes = gossip::packet_bytes_max(send.packet);
    for (const auto& claim : send.packet.claims) bytes += gossip::claim_bytes_max(claim);
    largest = std::max(largest, bytes);
    if (cut(from.address, send.to) || rng.chance(loss_percent)) return;
    if (no_udp.contains(from.address.port) || no_udp.contains(send.to.port)) return;
    SendPacket carried = send;
    if (mute.contains(send.to.port)) carried.packet.claims.clear();
    later(latency(), [this, source = from.address, send = std::move(carried)] {
      const auto found = nodes.find(send.to.port);
      if (found == nodes.end() || found->second.dead) {
        if (!icmp) return;
        later(latency(), [this, source, to = send.to] {
          if (Node& n = nodes.at(source.port); !n.dead && !n.frozen) {
            n.swim->hint_unreachable_at(to, now);
            drain(n);
          }
        });
        return;
      }
      if (found->second.frozen) {
        frozen_mail_[send.to.port].emplace_back(source, send.packet);
        return;
      }
      found->second.swim->on_packet(source, send.packet, now);
      drain(found->second);
    });
  }
  void stream_ping(Node& from, const StartStreamPing& start) {
    if (!streams) return;
    later(latency(), [this, port = from.address.port, start] {
      const auto target = nodes.find(start.to.port);
      const Address source{"10.0.0.1", port};
      if (cut(source, start.to) || cut(start.to, source)) return;
      const bool refused = target == nodes.end() || target->second.dead;
      if (!refused && target->second.frozen) return;
      const std::uint64_t exchange = ++exchange_;
      if (!refused) {
        target->second.swim->on_stream_ping(exchange, start.packet, now);
        drain(target->second);
      }
      later(latency(), [this, port, sequence = start.sequence, exchange, refused] {
        Node& n = nodes.at(port);
        const auto ack = stream_acks_.find(exchange);
        if (n.dead || n.frozen || (!refused && ack == stream_acks_.end())) return;
        n.swim->on_stream_ping_ended(sequence, refused ? nullptr : &ack->second, now);
        drain(n);
      });
    });
  }
  void begin(Node& from, const StartSync& start) {
    later(latency(), [this, port = from.address.port, start] {
      const auto target = nodes.find(start.to.port);
      const Address source{"10.0.0.1", port};
      const bool refused = target == nodes.end() || target->second.dead;
      if (refused || target->second.frozen || cut(source, start.to) || cut(start.to, source)) {
        later(refused ? Duration(100us) : Duration(5s), [this, port, id = start.id] {
          if (Node& n = nodes.at(port); !n.dead && !n.frozen) {
            n.swim->on_sync_failed(id, now);
            drain(n);
          }
        });
        return;
      }
      const std::uint64_t exchange = ++exchange_;
      target->second.swim->on_sync_request(exchange, start.sync, now);
      drain(target->second);
      later(latency(), [this, port, id = start.id, exchange] {
        if (Node& n = nodes.at(port); !n.dead && !n.frozen) {
          n.swim->on_sync_reply(id, answers_.at(exchange), now);
          drain(n);
        }
      });
    });
  }
  void step() {
    while (!queue_.empty() && queue_.begin()->first.first <= now) {
      const Action action = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      action();
    }
    for (auto& [port, n] : nodes) {
      if (n.dead || n.frozen || n.swim->deadline() > now) continue;
      n.swim->tick(now);
      drain(n);
    }
  }

  std::map<std::pair<Instant, std::uint64_t>, Action> queue_;
  std::uint64_t order_ = 0;
  std::uint64_t exchange_ = 0;
  std::map<std::uint64_t, gossip::Sync> answers_;
  std::map<std::uint64_t, gossip::Packet> stream_acks_;
  std::map<std::uint16_t, std::vector<std::pair<Address, gossip::Packet>>> frozen_mail_;
  std::uint16_t next_port_ = 1;
};

struct SwimTest : testing::Test {
  SwimNet net{7};
  bool settle(int count) {
    net.start_cluster(count);
    const bool agreed = net.run_until([&] { return net.all_agree(); }, 5s);
    net.run(3s);
    net.clear_logs();
    return agreed;
  }
};

}  // namespace muster::health
