// Can a datagram harm an agent? libFuzzer's entry point: the bytes go the way of a datagram, from
// the socket to the member's core, once as they are and once as what a holder of the key sealed.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/gossip.h"
#include "base/protobuf_codec.h"
#include "base/rng.h"
#include "health/asio_gossip.h"
#include "health/gossip_frame.h"
#include "health/swim.h"
#include "tests/fuzz/sealed.h"

namespace {

using namespace muster;
using health::SealKind;

// What is read must be written and read back as the same packet, within the bounds that
// dissemination counts with.
void must_survive(const gossip::Packet& packet) {
  const std::string bytes = encode(packet);
  std::size_t most = gossip::packet_bytes_max(packet);
  for (const gossip::Claim& claim : packet.claims) most += gossip::claim_bytes_max(claim);
  CHECK(bytes.size() <= most);
  // What came in with unknown fields may be shorter now, but never longer than a packet may be.
  const auto again = decode_packet(bytes);
  CHECK(again.has_value() && *again == packet);
}

gossip::Claim claim_of(const NodeName& name, const Address& address) {
  gossip::Claim claim;
  claim.name = name;
  claim.card = std::make_shared<gossip::Card>(gossip::Card{name, address, {}});
  return claim;
}

// A member that knows one other hears the packet, and lives on for a few seconds.
void must_be_borne(const gossip::Packet& packet) {
  const Address self_address{"127.0.0.1", 1};
  const Address other_address{"127.0.0.1", 2};
  const gossip::Claim self = claim_of("self", self_address);
  const gossip::Claim other = claim_of("other", other_address);
  const health::SwimOptions options;
  Instant now(std::chrono::hours(1));
  Rng rng(1);
  health::Swim swim(options, fuzz::kCluster, self, now, rng);
  gossip::Packet introduction;
  introduction.cluster = fnv1a64(fuzz::kCluster);
  introduction.from = other.name;
  introduction.claims = {other};
  swim.on_packet(other_address, introduction, now);
  for (int i = 0; i < 8; ++i) {
    gossip::Packet heard = packet;
    if (i % 2 == 1) heard.cluster = introduction.cluster;  // as if it were one of ours
    if (i < 4) swim.on_packet(i < 2 ? other_address : Address{"192.0.2.1", 3}, heard, now);
    now = std::max(now, std::min(swim.deadline(), now + std::chrono::seconds(1)));
    swim.tick(now);
    for (const health::SwimEffect& effect : swim.take_effects()) {
      const auto* const sent = std::get_if<health::SendPacket>(&effect);
      if (sent == nullptr) continue;
      CHECK(encode(sent->packet).size() <= options.datagram_bytes_max);
    }
  }
  CHECK(swim.members().contains("self"));
}

void take(const tl::expected<std::string, health::GossipDrop>& opened) {
  if (!opened) {
    CHECK(!to_text(opened.error()).empty());
    return;
  }
  if (health::head_refused(*opened, health::kGossipMark)) return;
  auto packet = decode_packet(std::string_view(*opened).substr(health::kGossipHeadBytes));
  if (!packet) {
    CHECK(!packet.error().text.empty());
    return;
  }
  packet->version = gossip::kProtocolMin;  // what a decoder leaves, for the round trip
  must_survive(*packet);
  packet->version = health::version_of(*opened);
  must_be_borne(*packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > health::kGossipDatagramMax) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  static const auto plain = fuzz::plain();
  take(plain->open(SealKind::Datagram, bytes));

  const auto receiver = fuzz::sealer();
  take(receiver->open(SealKind::Datagram, bytes));
  static const auto sender = fuzz::sealer();
  std::string sealed = sender->seal(SealKind::Datagram, bytes);
  CHECK(receiver->open(SealKind::Datagram, sealed) == bytes);
  CHECK(receiver->open(SealKind::Datagram, sealed).error() == health::GossipDrop::Replayed);
  // No change of one bit is borne; which one, the input says.
  const std::size_t bit = fnv1a64(bytes) % (8 * sealed.size());
  sealed[bit / 8] = static_cast<char>(sealed[bit / 8] ^ (1 << bit % 8));
  CHECK(!receiver->open(SealKind::Datagram, sealed));
  return 0;
}
