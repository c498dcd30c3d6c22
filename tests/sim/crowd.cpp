#include "crowd.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/error.h"

namespace muster::sim {
namespace {

using gossip::MemberState;

constexpr std::size_t kSeeds = 3;
// Beside the message itself: IPv4 and UDP headers, the head of two bytes and the seal.
constexpr std::size_t kDatagramOverhead = 20 + 8 + 2 + 36;
constexpr std::size_t kFrameOverhead = 4 + 2 + 36;

Address address_of(std::size_t node) { return {"10.0.0.1", static_cast<std::uint16_t>(node + 1)}; }

gossip::Claim claim_of(std::size_t node) {
  gossip::Claim claim;
  claim.name = "node-" + std::to_string(node + 1);
  gossip::Meta meta;
  meta.master = node < kSeeds;
  meta.zone = "rack-" + std::to_string(node % 40);
  meta.rpc = {"192.168.10.17", 7947};
  meta.http = {"192.168.10.17", 7948};
  meta.version = "0.1.0";
  meta.protocol = {gossip::kProtocolMin, gossip::kProtocolMax};
  claim.card = std::make_shared<const gossip::Card>(
      gossip::Card{claim.name, address_of(node), std::move(meta)});
  return claim;
}

std::uint64_t bytes_of(const gossip::Packet& packet) {
  std::uint64_t bytes = kDatagramOverhead + gossip::packet_bytes_max(packet);
  for (const gossip::Claim& claim : packet.claims) bytes += gossip::claim_bytes_max(claim);
  return bytes;
}

std::uint64_t bytes_of(const gossip::Sync& sync) {
  std::uint64_t bytes = kFrameOverhead + sync.from.size() + 16;
  for (const gossip::Claim& claim : sync.members) bytes += gossip::claim_bytes_max(claim);
  return bytes;
}

}  // namespace

Crowd::Crowd(const CrowdOptions& options, std::uint64_t seed) : options_(options), rng_(seed) {
  CHECK(options_.nodes >= 1 && options_.nodes < 65'535);
  std::vector<gossip::Claim> all;
  for (std::size_t i = 0; i < options_.nodes; ++i) all.push_back(claim_of(i));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  nodes_.resize(options_.nodes);
  for (std::size_t i = 0; i < options_.nodes; ++i) {
    One& one = nodes_[i];
    one.rng = std::make_unique<Rng>(rng_.next());
    const NodeName name = "node-" + std::to_string(i + 1);
    const auto self = std::lower_bound(
        all.begin(), all.end(), name,
        [](const gossip::Claim& claim, const NodeName& wanted) { return claim.name < wanted; });
    one.swim = std::make_unique<health::Swim>(options_.swim, "crowd", *self, now_, *one.rng);
    if (options_.join) {
      std::vector<Address> seeds;
      for (std::size_t s = 0; s < kSeeds; ++s) seeds.push_back(address_of(s));
      one.swim->join(seeds, now_);
    } else {
      one.swim->resume(all, now_);
    }
  }
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) drain(i);
}

bool Crowd::run_until_joined(Duration limit) {
  const Instant end = now_ + limit;
  const auto complete = [&] {
    const std::uint64_t digest = nodes_[0].swim->members().digest();
    return nodes_[0].swim->members().live() == nodes_.size() &&
           std::all_of(nodes_.begin(), nodes_.end(),
                       [&](const One& one) { return one.swim->members().digest() == digest; });
  };
  while (!complete()) {
    if (now_ >= end) {
      join_seconds_ = -1;
      return false;
    }
    run_for(std::chrono::milliseconds(10));
  }
  join_seconds_ = seconds(now_ - begun_);
  return true;
}

void Crowd::run_for(Duration time) {
  const Instant end = now_ + time;
  while (!queue_.empty() && queue_.top().at <= end) {
    const Event event = queue_.top();
    queue_.pop();
    now_ = std::max(now_, event.at);
    step(event);
  }
  now_ = end;
}

void Crowd::step(const Event& event) {
  One& one = nodes_[event.node];
  if (event.parcel != kTick) {
    Parcel parcel = std::move(parcels_[event.parcel]);
    free_.push_back(event.parcel);
    return hand(event.node, std::move(parcel));
  }
  if (one.tick_at != event.at) return;
  one.tick_at = kNever;
  if (one.dead) return;
  ++events_;
  one.swim->tick(now_);
  drain(event.node);
}

// A dead member's kernel answers for it, unless the whole machine is gone.
void Crowd::hand(std::uint32_t node, Parcel parcel) {
  One& one = nodes_[node];
  if (one.dead) {
    if (one.silent) return;
    Parcel back;
    back.from = node;
    if (parcel.kind == Kind::Packet) {
      back.kind = Kind::Unreachable;
    } else if (parcel.kind == Kind::SyncRequest) {
      back.kind = Kind::SyncFailed;
      back.id = exchanges_[parcel.id].second;
    } else if (parcel.kind == Kind::StreamPing) {
      back.kind = Kind::StreamEnd;
      back.id = exchanges_[parcel.id].second;
    } else {
      return;
    }
    return post(parcel.from, std::move(back));
  }
  ++events_;
  trace_ = (trace_ ^ (node * 8U + static_cast<unsigned>(parcel.kind))) * 1099511628211ULL;
  trace_ ^= static_cast<std::uint64_t>(now_.time_since_epoch().count());
  health::Swim& swim = *one.swim;
  switch (parcel.kind) {
    case Kind::Packet: swim.on_packet(address_of(parcel.from), parcel.packet, now_); break;
    case Kind::Unreachable: swim.hint_unreachable_at(address_of(parcel.from), now_); break;
    case Kind::SyncRequest: swim.on_sync_request(parcel.id, *parcel.sync, now_); break;
    case Kind::SyncReply: swim.on_sync_reply(parcel.id, *parcel.sync, now_); break;
    case Kind::SyncFailed: swim.on_sync_failed(parcel.id, now_); break;
    case Kind::StreamPing: swim.on_stream_ping(parcel.id, parcel.packet, now_); break;
    case Kind::StreamEnd:
      swim.on_stream_ping_ended(static_cast<std::uint32_t>(parcel.id),
                                parcel.answered ? &parcel.packet : nullptr, now_);
      break;
  }
  drain(node);
}

void Crowd::drain(std::uint32_t node) {
  for (health::SwimEffect& effect : nodes_[node].swim->take_effects()) {
    std::visit([&](auto& what) { act(node, what); }, effect);
  }
  arm(node);
}

// A deadline that moves away leaves the tick alone: it comes too early once and changes nothing.
void Crowd::arm(std::uint32_t node) {
  One& one = nodes_[node];
  if (one.dead) return;
  const Instant due = std::max(one.swim->deadline(), now_);
  if (due >= one.tick_at || due == kNever) return;
  one.tick_at = due;
  queue_.push({due, ++order_, node, kTick});
}

Duration Crowd::latency() {
  return options_.latency_min + rng_.below(options_.latency_max - options_.latency_min);
}

void Crowd::post(std::uint32_t to, Parcel parcel) {
  std::uint32_t slot = static_cast<std::uint32_t>(parcels_.size());
  if (free_.empty()) {
    parcels_.push_back(std::move(parcel));
  } else {
    slot = free_.back();
    free_.pop_back();
    parcels_[slot] = std::move(parcel);
  }
  queue_.push({now_ + latency(), ++order_, to, slot});
}

void Crowd::act(std::uint32_t node, health::SendPacket& effect) {
  ++packets_;
  datagram_bytes_ += bytes_of(effect.packet);
  if (rng_.chance(options_.loss_percent)) return;
  Parcel parcel;
  parcel.from = node;
  parcel.packet = std::move(effect.packet);
  post(node_at(effect.to), std::move(parcel));
}

void Crowd::act(std::uint32_t node, health::StartSync& effect) {
  table_bytes_ += bytes_of(effect.sync);
  exchanges_.emplace_back(node, effect.id);
  Parcel parcel;
  parcel.kind = Kind::SyncRequest;
  parcel.from = node;
  parcel.id = exchanges_.size() - 1;
  parcel.sync = std::make_shared<const gossip::Sync>(std::move(effect.sync));
  post(node_at(effect.to), std::move(parcel));
}

void Crowd::act(std::uint32_t node, health::AnswerSync& effect) {
  table_bytes_ += bytes_of(effect.sync);
  const auto [to, id] = exchanges_[effect.exchange];
  Parcel parcel;
  parcel.kind = Kind::SyncReply;
  parcel.from = node;
  parcel.id = id;
  parcel.sync = std::make_shared<const gossip::Sync>(std::move(effect.sync));
  post(to, std::move(parcel));
}

void Crowd::act(std::uint32_t node, health::StartStreamPing& effect) {
  exchanges_.emplace_back(node, effect.sequence);
  Parcel parcel;
  parcel.kind = Kind::StreamPing;
  parcel.from = node;
  parcel.id = exchanges_.size() - 1;
  parcel.packet = std::move(effect.packet);
  post(node_at(effect.to), std::move(parcel));
}

void Crowd::act(std::uint32_t node, health::AnswerStreamPing& effect) {
  const auto [to, sequence] = exchanges_[effect.exchange];
  Parcel parcel;
  parcel.kind = Kind::StreamEnd;
  parcel.from = node;
  parcel.id = sequence;
  parcel.answered = true;
  parcel.packet = std::move(effect.packet);
  post(to, std::move(parcel));
}

void Crowd::act(std::uint32_t node, health::MemberChanged& effect) {
  const std::uint32_t about = node_at(effect.now.gossip());
  const MemberState state = effect.now.state;
  if (nodes_[about].dead) {
    if (state != MemberState::Failed || nodes_[node].dead) return;
    for (std::size_t i = 0; i < detections_.size(); ++i) {
      if (detections_[i].victim != about) continue;
      detections_[i].seconds.push_back(seconds(now_ - killed_[i]));
      --detections_[i].missing;
    }
    return;
  }
  if (state == MemberState::Failed) ++false_failures_;
  const bool suspected =
      state == MemberState::Suspect && effect.before && effect.before->state == MemberState::Alive;
  if (suspected) ++false_suspicions_;
}

void Crowd::act(std::uint32_t /*node*/, health::NameTaken& /*effect*/) {
  CHECK(!"names are unique here");
}
void Crowd::act(std::uint32_t /*node*/, health::Conflict& /*effect*/) {
  CHECK(!"names are unique here");
}

// A crowd has no masters.
void Crowd::act(std::uint32_t /*node*/, health::LeaderHeard& /*effect*/) {
  CHECK(!"nobody leads a crowd");
}

void Crowd::kill(std::size_t node, bool silent) {
  nodes_[node].dead = true;
  nodes_[node].silent = silent;
  nodes_[node].swim.reset();
  const auto alive =
      std::count_if(nodes_.begin(), nodes_.end(), [](const One& one) { return !one.dead; });
  detections_.push_back({node, silent, {}, static_cast<std::size_t>(alive)});
  killed_.push_back(now_);
}

void Crowd::forget_traffic() {
  traffic_since_ = now_;
  packets_ = datagram_bytes_ = table_bytes_ = 0;
}

CrowdReport Crowd::report() const {
  CrowdReport report;
  report.nodes = nodes_.size();
  report.virtual_seconds = seconds(now_ - begun_);
  report.events = events_;
  report.detections = detections_;
  report.false_failures = false_failures_;
  report.false_suspicions = false_suspicions_;
  report.join_seconds = join_seconds_;
  const double node_seconds = seconds(now_ - traffic_since_) * static_cast<double>(nodes_.size());
  if (node_seconds > 0) {
    report.packets = static_cast<double>(packets_) / node_seconds;
    report.datagram_bytes = static_cast<double>(datagram_bytes_) / node_seconds;
    report.table_bytes = static_cast<double>(table_bytes_) / node_seconds;
  }
  report.trace_hash = trace_;
  return report;
}

}  // namespace muster::sim
