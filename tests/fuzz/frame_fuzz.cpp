// Can a stream harm an agent, or a snapshot in it a master? libFuzzer's entry point: the same bytes
// go to every decoder of what comes in frames, and what is read must survive a round trip.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/protobuf_codec.h"

namespace {

template <class Value, class Encode, class Decode>
void must_survive(const muster::Result<Value>& value, Encode encoder, Decode decoder) {
  if (!value) {
    CHECK(!value.error().text.empty());
    return;
  }
  const auto again = decoder(encoder(*value));
  CHECK(again.has_value() && *again == *value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  static const Codec codec = protobuf_codec();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto encode_any = [](const auto& value) { return encode(value); };
  must_survive(decode_frame(bytes), encode_any, decode_frame);
  must_survive(decode_sync(bytes), encode_any, decode_sync);
  must_survive(decode_assignment(bytes), encode_any, decode_assignment);
  must_survive(codec.decode_command(bytes), codec.encode_command, codec.decode_command);
  must_survive(codec.decode_state(bytes), codec.encode_state, codec.decode_state);
  return 0;
}
