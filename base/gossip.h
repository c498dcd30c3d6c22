// What do members tell each other? (SWIM: Das, Gupta, Motivala 2002, section 4; Lifeguard: Dadgar,
// Phillips, Currey 2018; rules and defaults as in HashiCorp memberlist.)
//
// Plain values. base/protobuf_codec.h turns a Packet into one datagram and a Sync into one frame.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::gossip {

inline constexpr std::uint32_t kProtocolMin = 1;
inline constexpr std::uint32_t kProtocolMax = 1;

enum class MemberState { Alive, Suspect, Failed, Left };
[[nodiscard]] std::string_view to_text(MemberState state);  // "alive", "suspect", ...

// Small facts that travel with a member. Changing them raises its incarnation.
struct Meta {
  bool master = false;
  std::string zone;
  Address rpc;
  Address http;
  std::string version;  // of the agent
  bool operator==(const Meta&) const = default;
};

// One claim about one member; an older incarnation never overrides a newer one.
struct Claim {
  MemberState state = MemberState::Alive;
  NodeName name;
  std::uint64_t incarnation = 0;
  NodeName accuser;  // Suspect, Failed: who says so; accuser == name means Left
  Address gossip;    // Alive (and in a Sync, always): where it listens
  Meta meta;         // Alive (and in a Sync, always)
  bool operator==(const Claim&) const = default;
};

enum class PacketKind { Ping, IndirectPing, Ack, Nack, Gossip };

// One datagram: a kind of its own plus as many claims as fit.
struct Packet {
  PacketKind kind = PacketKind::Gossip;
  std::uint64_t cluster = 0;   // fnv1a64 of the cluster's name; another's packets are dropped
  std::uint32_t sequence = 0;  // Ping, IndirectPing: chosen by the sender; Ack, Nack: the ping's
  NodeName from;
  NodeName target;         // Ping: who is meant; IndirectPing: whom to ping
  Address target_address;  // IndirectPing
  std::vector<Claim> claims;
  bool operator==(const Packet&) const = default;
};

// One side of a push/pull exchange over TCP: the whole table of the sender.
struct Sync {
  std::uint64_t cluster = 0;
  NodeName from;
  bool joining = false;  // the first exchange of a new agent
  std::vector<Claim> members;
  bool operator==(const Sync&) const = default;
};

// Never less than the encoded size of `claim` inside a Packet, in bytes.
[[nodiscard]] std::size_t claim_bytes_max(const Claim& claim);
// Never less than the encoded size of a Packet without claims.
[[nodiscard]] std::size_t packet_bytes_max(const Packet& packet);

}  // namespace muster::gossip
