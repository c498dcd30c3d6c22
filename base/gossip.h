// What do members tell each other? (SWIM: Das, Gupta, Motivala 2002, section 4; Lifeguard: Dadgar,
// Phillips, Currey 2018; rules and defaults as in HashiCorp memberlist.)
//
// Plain values. base/protobuf_codec.h turns a Packet into one datagram and a Sync into one frame.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::gossip {

// 1: the first release. 2: digests of the table, stream pings, the question who owns a name.
inline constexpr std::uint32_t kProtocolMin = 1;
inline constexpr std::uint32_t kProtocolMax = 2;
inline constexpr std::uint32_t kDigestsSince = 2;
inline constexpr std::uint32_t kStreamPingsSince = 2;
inline constexpr std::uint32_t kNameQueriesSince = 2;
// The versions that somebody speaks, both ends included.
struct ProtocolRange {
  std::uint32_t min = kProtocolMin;
  std::uint32_t max = kProtocolMin;  // who does not say speaks the first
  bool operator==(const ProtocolRange&) const = default;
};
// The highest version that both speak; 0: there is none.
[[nodiscard]] std::uint32_t common_version(const ProtocolRange& a, const ProtocolRange& b);

enum class MemberState { Alive, Suspect, Failed, Left };
[[nodiscard]] std::string_view to_text(MemberState state);  // "alive", "suspect", ...

// Small facts that travel with a member. Changing them raises its incarnation.
struct Meta {
  bool master = false;
  std::string zone;
  Address rpc;
  Address http;
  std::string version;       // of the agent
  std::uint64_t labels = 0;  // labels_digest() of the node's labels: who wants them asks a master
  ProtocolRange protocol;
  bool operator==(const Meta&) const = default;
};
// fnv1a64 over the sorted pairs; 0 without labels.
[[nodiscard]] std::uint64_t labels_digest(const std::map<std::string, std::string>& labels);

// What a member says of itself. Immutable and shared: a table of 10,000 members, the claims about
// them on their way out and (in the simulator) 10,000 such tables hold each card once.
struct Card {
  NodeName name;
  Address gossip;  // where it listens
  Meta meta;
  bool operator==(const Card&) const = default;
};
using CardPtr = std::shared_ptr<const Card>;

// One claim about one member; an older incarnation never overrides a newer one.
struct Claim {
  MemberState state = MemberState::Alive;
  NodeName name;
  std::uint64_t incarnation = 0;
  NodeName accuser;  // Suspect, Failed: who says so; accuser == name means Left
  CardPtr card;      // Alive (and in a Sync, always), of this name; else null
  // Cards are compared by what they say.
  bool operator==(const Claim& other) const;
};

// NameQuery: at which address is `target` to you? NameReply carries that claim, with its card.
enum class PacketKind { Ping, IndirectPing, Ack, Nack, Gossip, NameQuery, NameReply };

// One datagram: a kind of its own plus as many claims as fit.
struct Packet {
  PacketKind kind = PacketKind::Gossip;
  std::uint64_t cluster = 0;   // fnv1a64 of the cluster's name; another's packets are dropped
  std::uint32_t sequence = 0;  // Ping, IndirectPing: chosen by the sender; Ack, Nack: the ping's
  NodeName from;
  NodeName target;         // Ping: who is meant; IndirectPing: whom to ping
  Address target_address;  // IndirectPing
  ProtocolRange protocol;  // what the sender speaks
  // Ping, Ack: MemberTable::digest() of the sender; 0: it says nothing about its table.
  std::uint64_t digest = 0;
  // The sender became coordinator in this term; 0: it says nothing. A hint: agents ask it over RPC.
  std::uint64_t leads_term = 0;
  std::vector<Claim> claims;
  // Of this message, by its head and not by its protobuf message: whoever speaks it can read it.
  std::uint32_t version = kProtocolMin;
  bool operator==(const Packet&) const = default;
};

// One side of an exchange over TCP: the whole table of the sender, or (members empty, digest not 0)
// the question whether the other's table has the same digest, and the answer that it has.
struct Sync {
  std::uint64_t cluster = 0;
  NodeName from;
  bool joining = false;  // the first exchange of a new agent
  ProtocolRange protocol;
  std::uint64_t digest = 0;  // of the sender's table; 0: it does not say (version 1)
  bool answer = false;       // so that our own question is not taken for its answer (version 2)
  std::vector<Claim> members;
  bool operator==(const Sync&) const = default;
};

// Never less than the encoded size of `claim` inside a Packet, in bytes.
[[nodiscard]] std::size_t claim_bytes_max(const Claim& claim);
// Never less than the encoded size of a Packet without claims.
[[nodiscard]] std::size_t packet_bytes_max(const Packet& packet);

}  // namespace muster::gossip
