#include "base/protobuf_codec.h"

#include "base/protobuf_convert.h"

namespace muster {
namespace {

constexpr std::size_t kPacketBytesMax = 65535;
constexpr std::size_t kStateBytesMax = std::size_t{1} << 30;  // libprotobuf ends at 2 GiB

template <class Wire, class T>
std::string encode_as(const T& value) {
  Wire message;
  protobuf::to_wire(value, message);
  return protobuf::serialize(message);
}

// `object` outlives the call and names what `bytes` should be.
template <class Wire>
auto decode_as(std::string_view bytes, std::size_t bytes_max, Code code, std::string_view object)
    -> Result<decltype(protobuf::from_wire(std::declval<const Wire&>(),
                                           std::declval<protobuf::Reader&>()))> {
  protobuf::Reader reader(code, object);
  Wire message;
  protobuf::parse(bytes, bytes_max, message, reader);
  if (reader.failed()) return reader.failure();
  auto value = protobuf::from_wire(message, reader);
  if (reader.failed()) return reader.failure();
  return value;
}

Result<Command> decode_command(std::string_view bytes) {
  return decode_as<wire::Command>(bytes, rpc::kFrameBytesMax, Code::DataLoss, "command");
}

// Keys do not go through one large message: that would hold every value three times.
std::string encode_state(const ClusterState& state) {
  std::string bytes = encode_as<wire::ClusterState>(state);
  protobuf::append_keys(state, bytes);
  return bytes;
}

Result<ClusterState> decode_state(std::string_view bytes) {
  protobuf::Reader reader(Code::DataLoss, "cluster state");
  wire::ClusterState message;
  std::vector<std::string_view> keys;
  protobuf::parse(bytes, kStateBytesMax, message, keys, reader);
  if (reader.failed()) return reader.failure();
  ClusterState state = protobuf::from_wire(message, reader);
  protobuf::keys_from_wire(keys, state, reader);
  if (reader.failed()) return reader.failure();
  return state;
}

}  // namespace

std::string encode(const gossip::Packet& packet) { return encode_as<wire::Packet>(packet); }

Result<gossip::Packet> decode_packet(std::string_view bytes) {
  return decode_as<wire::Packet>(bytes, kPacketBytesMax, Code::InvalidArgument, "gossip packet");
}

std::string encode(const gossip::Sync& sync) { return encode_as<wire::Sync>(sync); }

Result<gossip::Sync> decode_sync(std::string_view bytes) {
  return decode_as<wire::Sync>(bytes, rpc::kFrameBytesMax, Code::InvalidArgument, "gossip sync");
}

std::string encode(const rpc::Frame& frame) { return encode_as<wire::Frame>(frame); }

Result<rpc::Frame> decode_frame(std::string_view bytes) {
  return decode_as<wire::Frame>(bytes, rpc::kFrameBytesMax, Code::InvalidArgument, "frame");
}

std::string encode(const rpc::Assignment& assignment) {
  wire::StoredAssignment message;
  message.set_version(protobuf::kFormatVersion);
  protobuf::to_wire(assignment, *message.mutable_assignment());
  return protobuf::serialize(message);
}

Result<rpc::Assignment> decode_assignment(std::string_view bytes) {
  protobuf::Reader reader(Code::DataLoss, "assignment");
  wire::StoredAssignment message;
  protobuf::parse(bytes, rpc::kFrameBytesMax, message, reader);
  if (reader.failed()) return reader.failure();
  reader.version("stored_assignment.version", message.version());
  reader.require(message.has_assignment(), "stored_assignment.assignment");
  rpc::Assignment assignment = protobuf::from_wire(message.assignment(), reader);
  if (reader.failed()) return reader.failure();
  return assignment;
}

Codec protobuf_codec() {
  return {
      .encode_command = [](const Command& command) { return encode_as<wire::Command>(command); },
      .decode_command = decode_command,
      .encode_state = encode_state,
      .decode_state = decode_state,
  };
}

}  // namespace muster
