// Can a datagram harm an agent? libFuzzer's entry point: what is read must be written and read back
// as the same packet, within the bounds that dissemination counts with.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/gossip.h"
#include "base/protobuf_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const auto packet = decode_packet({reinterpret_cast<const char*>(data), size});
  if (!packet) {
    CHECK(!packet.error().text.empty());
    return 0;
  }
  const std::string bytes = encode(*packet);
  std::size_t most = gossip::packet_bytes_max(*packet);
  for (const gossip::Claim& claim : packet->claims) most += gossip::claim_bytes_max(claim);
  CHECK(bytes.size() <= most);
  // What came in with unknown fields may be shorter now, but never longer than a packet may be.
  const auto again = decode_packet(bytes);
  CHECK(again.has_value() && *again == *packet);
  return 0;
}
