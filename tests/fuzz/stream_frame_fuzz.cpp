// Can a table over TCP harm an agent? libFuzzer's entry point: the bytes are what stands behind a
// frame's length, as they are and as what a holder of the key sealed; what is read must survive a
// round trip, and a member that merges it must live on.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/gossip.h"
#include "base/protobuf_codec.h"
#include "base/rng.h"
#include "health/swim.h"
#include "tests/fuzz/sealed.h"

namespace {

using namespace muster;
using health::SealKind;

void must_be_borne(const gossip::Sync& sync) {
  gossip::Claim self;
  self.name = "self";
  self.gossip = {"127.0.0.1", 1};
  Instant now(std::chrono::hours(1));
  Rng rng(1);
  health::Swim swim({}, fuzz::kCluster, self, now, rng);
  gossip::Sync heard = sync;
  std::uint64_t answers = 0;
  for (std::uint64_t exchange = 1; exchange <= 4; ++exchange) {
    if (exchange > 2) heard.cluster = fnv1a64(fuzz::kCluster);  // as if it were one of ours
    swim.on_sync_request(exchange, heard, now);
    now = std::max(now, std::min(swim.deadline(), now + std::chrono::seconds(1)));
    swim.tick(now);
    for (const health::SwimEffect& effect : swim.take_effects()) {
      answers += std::holds_alternative<health::AnswerSync>(effect) ? 1 : 0;
    }
  }
  CHECK(answers <= 4);
  CHECK(swim.members().contains("self"));
}

void take(const tl::expected<std::string, health::GossipDrop>& opened) {
  if (!opened || opened->size() < 2) return;
  const auto sync = decode_sync(std::string_view(*opened).substr(2));
  if (!sync) {
    CHECK(!sync.error().text.empty());
    return;
  }
  const auto again = decode_sync(encode(*sync));
  CHECK(again.has_value() && *again == *sync);
  must_be_borne(*sync);
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
