// How do values become bytes on the wire and in the log?
//
// A driver (libprotobuf). Stateless; any thread. Decoders take hostile bytes: they check every
// length, name, enumerator and count, fail with InvalidArgument (wires) or DataLoss (the log), and
// never throw, crash or allocate more than a small multiple of the input.
#pragma once

#include <string>
#include <string_view>

#include "base/codec.h"
#include "base/error.h"
#include "base/gossip.h"
#include "base/rpc.h"

namespace muster {

[[nodiscard]] std::string encode(const gossip::Packet& packet);
[[nodiscard]] Result<gossip::Packet> decode_packet(std::string_view bytes);

[[nodiscard]] std::string encode(const gossip::Sync& sync);
[[nodiscard]] Result<gossip::Sync> decode_sync(std::string_view bytes);

[[nodiscard]] std::string encode(const rpc::Frame& frame);
[[nodiscard]] Result<rpc::Frame> decode_frame(std::string_view bytes);

// One instance's assignment as an agent stores it.
[[nodiscard]] std::string encode(const rpc::Assignment& assignment);
[[nodiscard]] Result<rpc::Assignment> decode_assignment(std::string_view bytes);

// Encodings of commands and state are deterministic: equal values give equal bytes.
[[nodiscard]] Codec protobuf_codec();

}  // namespace muster
