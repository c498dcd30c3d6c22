// Can a table or a ping over TCP harm an agent? libFuzzer's entry point: the bytes are what stands
// behind a frame's length, as they are and as what a holder of the key sealed; what is read must
// survive a round trip, and a member that hears it must live on.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/gossip.h"
#include "base/protobuf_codec.h"
#include "base/rng.h"
#include "health/gossip_frame.h"
#include "health/swim.h"
#include "tests/fuzz/sealed.h"

namespace {

using namespace muster;
using health::SealKind;

// A member hears it four times, twice as if it came from a member of its own cluster.
template <class Message, class Hear>
void must_be_borne(const Message& message, Hear hear) {
  gossip::Claim self;
  self.name = "self";
  self.card = std::make_shared<gossip::Card>(gossip::Card{"self", {"127.0.0.1", 1}, {}});
  Instant now(std::chrono::hours(1));
  Rng rng(1);
  health::Swim swim({}, fuzz::kCluster, self, now, rng);
  Message heard = message;
  std::uint64_t answers = 0;
  for (std::uint64_t exchange = 1; exchange <= 4; ++exchange) {
    if (exchange > 2) heard.cluster = fnv1a64(fuzz::kCluster);
    hear(swim, exchange, heard, now);
    now = std::max(now, std::min(swim.deadline(), now + std::chrono::seconds(1)));
    swim.tick(now);
    for (const health::SwimEffect& effect : swim.take_effects()) {
      answers += std::holds_alternative<health::AnswerSync>(effect) ||
                         std::holds_alternative<health::AnswerStreamPing>(effect)
                     ? 1
                     : 0;
    }
  }
  CHECK(answers <= 4);
  CHECK(swim.members().contains("self"));
}

void take_ping(std::string_view message, std::uint32_t version) {
  auto packet = decode_packet(message);
  if (!packet) return;
  packet->version = version;
  must_be_borne(*packet, [](health::Swim& swim, std::uint64_t exchange, const auto& heard,
                            Instant now) { swim.on_stream_ping(exchange, heard, now); });
}

void take(const tl::expected<std::string, health::GossipDrop>& opened) {
  if (!opened || opened->size() < health::kGossipHeadBytes) return;
  const std::string_view message = std::string_view(*opened).substr(health::kGossipHeadBytes);
  if (!health::head_refused(*opened, health::kStreamPingMark)) {
    return take_ping(message, health::version_of(*opened));
  }
  if (health::head_refused(*opened, health::kGossipMark)) return;
  const auto sync = decode_sync(message);
  if (!sync) {
    CHECK(!sync.error().text.empty());
    return;
  }
  const auto again = decode_sync(encode(*sync));
  CHECK(again.has_value() && *again == *sync);
  must_be_borne(*sync, [](health::Swim& swim, std::uint64_t exchange, const auto& heard,
                          Instant now) { swim.on_sync_request(exchange, heard, now); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  static const auto plain = fuzz::plain();
  take(plain->open(SealKind::Stream, bytes));

  const auto receiver = fuzz::sealer();
  take(receiver->open(SealKind::Stream, bytes));
  static const auto sender = fuzz::sealer();
  const std::string sealed = sender->seal(SealKind::Stream, bytes);
  CHECK(!receiver->open(SealKind::Stream, sealed.substr(0, fnv1a64(bytes) % sealed.size())));
  CHECK(!receiver->open(SealKind::Datagram, sealed));
  CHECK(receiver->open(SealKind::Stream, sealed) == bytes);
  CHECK(receiver->open(SealKind::Stream, sealed).error() == health::GossipDrop::Replayed);
  return 0;
}
