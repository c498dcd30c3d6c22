#include "base/gossip.h"

#include <algorithm>

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

std::uint32_t common_version(const ProtocolRange& a, const ProtocolRange& b) {
  const std::uint32_t highest = std::min(a.max, b.max);
  return highest >= std::max(a.min, b.min) ? highest : 0;
}

std::uint64_t labels_digest(const std::map<std::string, std::string>& labels) {
  if (labels.empty()) return 0;
  std::uint64_t digest = kFnvOffset;
  for (const auto& [key, value] : labels) {
    // The lengths keep {"a": "bc"} apart from {"ab": "c"}.
    digest = fnv1a64(std::to_string(key.size()) + "," + std::to_string(value.size()) + ":", digest);
    digest = fnv1a64(value, fnv1a64(key, digest));
  }
  return digest == 0 ? 1 : digest;
}

bool Claim::operator==(const Claim& other) const {
  const bool same_card =
      card == other.card || (card != nullptr && other.card != nullptr && *card == *other.card);
  return same_card && state == other.state && name == other.name &&
         incarnation == other.incarnation && accuser == other.accuser;
}

// These mirror the messages Claim, MemberMeta, Packet and Address of base/wire.proto field by
// field: a byte for its number (all are below 16), then a varint or a length and its content. What
// equals its default is left out, as proto3 does.
namespace {

std::size_t varint(std::uint64_t value) {
  std::size_t bytes = 1;
  for (; value >= 128; value /= 128) ++bytes;
  return bytes;
}
std::size_t number(std::uint64_t value) { return value == 0 ? 0 : 1 + varint(value); }
std::size_t fixed64(std::uint64_t value) { return value == 0 ? 0 : 1 + 8; }
std::size_t text(const std::string& content) {
  return content.empty() ? 0 : 1 + varint(content.size()) + content.size();
}
std::size_t submessage(std::size_t content) { return 1 + varint(content) + content; }
std::size_t record(const Address& address) {
  return address == Address{} ? 0 : submessage(text(address.host) + number(address.port));
}
std::size_t range(const ProtocolRange& range) {
  return range == ProtocolRange{} ? 0 : number(range.min) + number(range.max);
}
constexpr std::size_t kEnumerator = 2;

}  // namespace

std::size_t claim_bytes_max(const Claim& claim) {
  std::size_t card_bytes = 0;
  if (claim.card != nullptr) {
    const Meta& meta = claim.card->meta;
    card_bytes = record(claim.card->gossip) +
                 submessage(number(meta.master ? 1 : 0) + text(meta.zone) + record(meta.rpc) +
                            record(meta.http) + text(meta.version) + fixed64(meta.labels) +
                            range(meta.protocol));
  }
  return submessage(kEnumerator + text(claim.name) + number(claim.incarnation) +
                    text(claim.accuser) + card_bytes);
}

std::size_t packet_bytes_max(const Packet& packet) {
  return kEnumerator + fixed64(packet.cluster) + number(packet.sequence) + text(packet.from) +
         text(packet.target) + record(packet.target_address) + range(packet.protocol) +
         fixed64(packet.digest) + number(packet.leads_term);
}

}  // namespace muster::gossip
