#include "base/gossip.h"

namespace muster::gossip {

std::string_view to_text(MemberState state) {
  switch (state) {
    case MemberState::Alive: return "alive";
    case MemberState::Suspect: return "suspect";
    case MemberState::Failed: return "failed";
    case MemberState::Left: return "left";
  }
  return "failed";
}

// These mirror the messages Claim, MemberMeta, Packet and Address of base/wire.proto, each field at
// its dearest: a byte for its number (all are below 16), then a varint or a length and its content.
namespace {

std::size_t record(std::size_t content) {  // a text or a submessage
  std::size_t length = 1;
  for (std::size_t rest = content; rest >= 128; rest /= 128) ++length;
  return 1 + length + content;
}
std::size_t record(const Address& address) { return record(record(address.host.size()) + 4); }

constexpr std::size_t kSmallNumber = 2;  // an enumerator or a bool
constexpr std::size_t kNumber32 = 1 + 5;
constexpr std::size_t kNumber64 = 1 + 10;
constexpr std::size_t kFixed64 = 1 + 8;

}  // namespace

std::size_t claim_bytes_max(const Claim& claim) {
  const Meta& meta = claim.meta;
  const std::size_t meta_bytes = kSmallNumber + record(meta.zone.size()) + record(meta.rpc) +
                                 record(meta.http) + record(meta.version.size());
  return record(kSmallNumber + record(claim.name.size()) + kNumber64 +
                record(claim.accuser.size()) + record(claim.gossip) + record(meta_bytes));
}

std::size_t packet_bytes_max(const Packet& packet) {
  return kSmallNumber + kFixed64 + kNumber32 + record(packet.from.size()) +
         record(packet.target.size()) + record(packet.target_address);
}

}  // namespace muster::gossip
