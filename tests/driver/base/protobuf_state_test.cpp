// What is refused of a log and of a state that only their later versions have?
#include <gtest/gtest.h>

#include "base/key_value.h"
#include "base/protobuf_codec.h"
#include "base/wire.pb.h"

namespace muster {
namespace {

std::string text_of(const wire::ClusterState& state) {
  const auto decoded = protobuf_codec().decode_state(state.SerializeAsString());
  if (decoded) return "decoded";
  EXPECT_EQ(decoded.error().code, Code::DataLoss);
  return decoded.error().text;
}

TEST(ProtobufState, AKindOfCommandThatOnlyANewerMusterKnowsIsRefusedAsSuch) {
  wire::Command command;
  command.set_version(2);
  const std::string bytes =
      command.SerializeAsString() + std::string("\xaa\x06\x03xyz", 6);  // field 101
  const auto decoded = protobuf_codec().decode_command(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().text,
            "cannot decode the command: command.body is of a kind that only a newer muster knows, "
            "so upgrade it");
}

TEST(ProtobufState, AStateWithAKeyLeaseOrRequestTwiceIsRefused) {
  wire::ClusterState state;
  state.set_version(2);
  for (int i = 0; i < 2; ++i) state.add_kv()->set_key("k");
  EXPECT_NE(text_of(state).find("cluster_state.kv has a key twice"), std::string::npos);
  state.clear_kv();
  for (int i = 0; i < 2; ++i) state.add_leases()->set_key("l");
  EXPECT_NE(text_of(state).find("cluster_state.leases has a key twice"), std::string::npos);
  state.clear_leases();
  for (int i = 0; i < 2; ++i) state.add_requests("r");
  EXPECT_NE(text_of(state).find("cluster_state.requests has an id twice"), std::string::npos);
  state.mutable_requests()->RemoveLast();
  state.add_request_results()->set_position(1);
  EXPECT_NE(text_of(state).find("has a result of no request"), std::string::npos);
}

TEST(ProtobufState, KeysAndValuesBeyondTheirLimitsAreRefusedInAState) {
  wire::ClusterState state;
  state.set_version(2);
  state.add_kv()->set_key(std::string(kKeyBytesMax, 'k'));
  state.mutable_kv(0)->set_value(std::string(kValueBytesMax, 'v'));
  EXPECT_EQ(text_of(state), "decoded");
  state.mutable_kv(0)->mutable_key()->push_back('k');
  EXPECT_NE(text_of(state).find("key_record.key has 513 bytes"), std::string::npos);
  state.mutable_kv(0)->set_key("k");
  state.mutable_kv(0)->mutable_value()->push_back('v');
  EXPECT_NE(text_of(state).find("key_record.value has 524289 bytes"), std::string::npos);
}

}  // namespace
}  // namespace muster
