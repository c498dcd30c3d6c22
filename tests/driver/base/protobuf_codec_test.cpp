#include "base/protobuf_codec.h"

#include <functional>

#include <gtest/gtest.h>

#include "base/wire.pb.h"
#include "tests/driver/base/random_values.h"

namespace muster {
namespace {

constexpr int kRounds = 200;

// The first test that a value survives, and then that its bytes say all of it: bytes of the decoded
// value are the same again.
template <class T, class Encode, class Decode>
void survives(const T& value, Encode encoder, Decode decoder) {
  const std::string bytes = encoder(value);
  const auto back = decoder(bytes);
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(*back, value);
  EXPECT_EQ(encoder(*back), bytes);
}

std::string text_of(const wire::Frame& frame) {
  const auto decoded = decode_frame(frame.SerializeAsString());
  if (decoded) return "decoded";
  EXPECT_EQ(decoded.error().code, Code::InvalidArgument);
  return decoded.error().text;
}
std::string text_of(const wire::Packet& packet) {
  const auto decoded = decode_packet(packet.SerializeAsString());
  if (decoded) return "decoded";
  EXPECT_EQ(decoded.error().code, Code::InvalidArgument);
  return decoded.error().text;
}
std::string text_of(const wire::Command& command) {
  const auto decoded = protobuf_codec().decode_command(command.SerializeAsString());
  if (decoded) return "decoded";
  EXPECT_EQ(decoded.error().code, Code::DataLoss);
  return decoded.error().text;
}
std::string text_of(const wire::ClusterState& state) {
  const auto decoded = protobuf_codec().decode_state(state.SerializeAsString());
  if (decoded) return "decoded";
  EXPECT_EQ(decoded.error().code, Code::DataLoss);
  return decoded.error().text;
}

// A valid packet and a valid command to spoil.
gossip::CardPtr card(const NodeName& name, const Address& gossip, gossip::Meta meta) {
  return std::make_shared<const gossip::Card>(gossip::Card{name, gossip, std::move(meta)});
}

wire::Packet good_packet() {
  wire::Packet packet;
  packet.set_kind(wire::PACKET_KIND_PING);
  packet.set_from("n1");
  return packet;
}
wire::Claim good_claim() {
  wire::Claim claim;
  claim.set_state(wire::MEMBER_STATE_ALIVE);
  claim.set_name("n2");
  return claim;
}
wire::Command good_command() {
  wire::Command command;
  command.set_version(1);
  command.mutable_node_left()->set_node("n1");
  return command;
}

struct ProtobufCodecTest : testing::Test {
  Rng rng{20261121};
  RandomValues random{rng};
  Codec codec = protobuf_codec();

  // One encoding of each kind, with the decoder that is meant for it. `again` decodes, encodes
  // what came out and decodes that: false when the first decoding was refused.
  struct Sealed {
    std::string bytes;
    std::function<bool(std::string_view)> again;
  };
  template <class T, class Encode, class Decode>
  static Sealed sealed(const T& value, Encode encoder, Decode decoder) {
    return {encoder(value), [=](std::string_view bytes) {
              const auto decoded = decoder(bytes);
              if (!decoded) {
                EXPECT_FALSE(decoded.error().text.empty());
                return false;
              }
              const auto twice = decoder(encoder(*decoded));
              EXPECT_TRUE(twice.has_value()) << (twice ? "" : twice.error().text);
              EXPECT_TRUE(!twice || *twice == *decoded);
              return true;
            }};
  }
  std::vector<Sealed> one_of_each() {
    const auto encode_any = [](const auto& value) { return encode(value); };
    std::vector<Sealed> all;
    all.push_back(sealed(random.packet(), encode_any, decode_packet));
    all.push_back(sealed(random.sync(), encode_any, decode_sync));
    all.push_back(sealed(random.assignment(), encode_any, decode_assignment));
    all.push_back(sealed(random.state(), codec.encode_state, codec.decode_state));
    for (std::size_t i = 0; i < RandomValues::kCommands; ++i) {
      all.push_back(sealed(random.command(i), codec.encode_command, codec.decode_command));
    }
    for (std::size_t i = 0; i < RandomValues::kFrames; ++i) {
      all.push_back(sealed(random.frame(i), encode_any, decode_frame));
    }
    for (std::size_t i = 0; i < RandomValues::kMessages; ++i) {
      const rpc::Frame frame = rpc::Consensus{random.message(i)};
      all.push_back(sealed(frame, encode_any, decode_frame));
    }
    return all;
  }
};

TEST_F(ProtobufCodecTest, PacketsAndSyncsSurviveTheWire) {
  const auto encode_any = [](const auto& value) { return encode(value); };
  for (int round = 0; round < kRounds; ++round) {
    survives(random.packet(), encode_any, decode_packet);
    survives(random.sync(), encode_any, decode_sync);
  }
}

TEST_F(ProtobufCodecTest, EveryFrameSurvivesTheWire) {
  const auto encode_frame = [](const rpc::Frame& frame) { return encode(frame); };
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < RandomValues::kFrames; ++i) {
      const rpc::Frame frame = random.frame(i);
      ASSERT_EQ(frame.index(), i);
      survives(frame, encode_frame, decode_frame);
    }
    for (std::size_t i = 0; i < RandomValues::kMessages; ++i) {
      const raft::Message message = random.message(i);
      ASSERT_EQ(message.index(), i);
      survives(rpc::Frame(rpc::Consensus{message}), encode_frame, decode_frame);
    }
  }
}

TEST_F(ProtobufCodecTest, EveryCommandSurvivesTheLog) {
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < RandomValues::kCommands; ++i) {
      const Command command = random.command(i);
      ASSERT_EQ(command.body.index(), i);
      survives(command, codec.encode_command, codec.decode_command);
    }
  }
}

TEST_F(ProtobufCodecTest, StatesAndAssignmentsSurviveTheDisk) {
  survives(ClusterState{}, codec.encode_state, codec.decode_state);
  for (int round = 0; round < kRounds; ++round) {
    survives(random.state(), codec.encode_state, codec.decode_state);
    survives(
        random.assignment(), [](const auto& value) { return encode(value); }, decode_assignment);
  }
}

TEST_F(ProtobufCodecTest, EqualStatesGiveEqualBytesHoweverTheyCameAbout) {
  const ClusterState state = random.state();
  ClusterState other = state;
  other.nodes.clear();
  other.placements.clear();
  for (auto i = state.nodes.rbegin(); i != state.nodes.rend(); ++i) other.nodes.insert(*i);
  for (auto i = state.placements.rbegin(); i != state.placements.rend(); ++i) {
    other.placements.insert(*i);
  }
  EXPECT_EQ(codec.encode_state(other), codec.encode_state(state));
}

// The log outlives every version: these bytes were written by version 1 and must stay readable, and
// masters of one version must write the same.
TEST_F(ProtobufCodecTest, TheBytesOfVersionOneStayAsTheyAre) {
  const Command command{.body = NodeFailed{.node = "n3", .evidence = "n1"},
                        .at = WallTime(std::chrono::milliseconds(300)),
                        .request = "r",
                        .by = {},
                        .version = 1};
  const std::string bytes("\x08\x01\x10\xac\x02\x1a\x01r\x5a\x08\x0a\x02n3\x12\x02n1", 18);
  EXPECT_EQ(codec.encode_command(command), bytes);
  EXPECT_EQ(codec.decode_command(bytes), command);
}

TEST_F(ProtobufCodecTest, BoundsOfClaimsAndPacketsAreTrueBounds) {
  for (int round = 0; round < 20000; ++round) {
    gossip::Packet packet = random.packet();
    packet.claims.clear();
    const std::size_t alone = encode(packet).size();
    ASSERT_LE(alone, gossip::packet_bytes_max(packet));
    packet.claims.push_back(random.claim());
    ASSERT_LE(encode(packet).size() - alone, gossip::claim_bytes_max(packet.claims[0]));
  }
}

TEST_F(ProtobufCodecTest, BoundsHoldForTheLargestNumbersAndLongTexts) {
  gossip::Packet packet{.kind = gossip::PacketKind::Gossip,
                        .cluster = ~std::uint64_t{0},
                        .sequence = ~std::uint32_t{0},
                        .from = std::string(63, 'a'),
                        .target = std::string(63, 'b'),
                        .target_address = {std::string(255, 'h'), 65535},
                        .protocol = {~std::uint32_t{0}, ~std::uint32_t{0}},
                        .digest = ~std::uint64_t{0},
                        .leads_term = ~std::uint64_t{0},
                        .claims = {},
                        .version = 1};
  const std::size_t alone = encode(packet).size();
  EXPECT_LE(alone, gossip::packet_bytes_max(packet));
  const Address far{std::string(255, 'h'), 65535};
  packet.claims.push_back({.state = gossip::MemberState::Left,
                           .name = std::string(63, 'c'),
                           .incarnation = ~std::uint64_t{0},
                           .accuser = std::string(63, 'd'),
                           .card = card(std::string(63, 'c'), far,
                                        {.master = true,
                                         .zone = std::string(255, 'z'),
                                         .rpc = far,
                                         .http = far,
                                         .version = std::string(255, 'v'),
                                         .labels = ~std::uint64_t{0},
                                         .protocol = {~std::uint32_t{0}, ~std::uint32_t{0}}})});
  EXPECT_LE(encode(packet).size() - alone, gossip::claim_bytes_max(packet.claims[0]));
}

TEST_F(ProtobufCodecTest, ATypicalClaimIsShortAndItsBoundIsNear) {
  gossip::Packet packet;
  packet.from = "n1";
  const std::size_t alone = encode(packet).size();
  packet.claims.push_back({.state = gossip::MemberState::Alive,
                           .name = "worker-17",
                           .incarnation = 3,
                           .accuser = "",
                           .card = card("worker-17", {"192.168.10.117", 7946},
                                        {.master = true,
                                         .zone = "rack-a",
                                         .rpc = {"192.168.10.117", 7947},
                                         .http = {"192.168.10.117", 7948},
                                         .version = "0.1.0",
                                         .labels = 1,
                                         .protocol = {1, 2}})});
  const std::size_t claim = encode(packet).size() - alone;
  EXPECT_LE(claim, 135U);
  EXPECT_EQ(gossip::claim_bytes_max(packet.claims[0]), claim);

  packet.claims = {{.state = gossip::MemberState::Suspect,
                    .name = "worker-17",
                    .incarnation = 3,
                    .accuser = "worker-4",
                    .card = nullptr}};
  const std::size_t suspicion = encode(packet).size() - alone;
  EXPECT_LE(suspicion, 30U);
  EXPECT_LE(gossip::claim_bytes_max(packet.claims[0]), suspicion + 60);
}

TEST_F(ProtobufCodecTest, BytesCutOffAnywhereAreRefusedOrReadButNeverCrash) {
  for (const Sealed& one : one_of_each()) {
    for (std::size_t length = 0; length < one.bytes.size(); ++length) {
      const std::string cut = one.bytes.substr(0, length);  // a copy: reading past it is seen
      one.again(cut);
    }
    EXPECT_TRUE(one.again(one.bytes));
  }
}

TEST_F(ProtobufCodecTest, FlippedBitsAreRefusedOrReadButNeverCrash) {
  int refused = 0;
  int read = 0;
  std::vector<Sealed> all;
  for (int round = 0; round < 20000; ++round) {
    if (round % 1000 == 0) all = one_of_each();
    const std::size_t index = rng.below(all.size());
    SCOPED_TRACE(index);
    const Sealed& one = all[index];
    std::string bytes = one.bytes;
    for (std::uint64_t flips = 1 + rng.below(3); flips > 0 && !bytes.empty(); --flips) {
      char& byte = bytes[rng.below(bytes.size())];
      byte = static_cast<char>(byte ^ (1 << rng.below(8)));
    }
    ++(one.again(bytes) ? read : refused);
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(read, 1000);
}

TEST_F(ProtobufCodecTest, WhatANewerMusterWroteIsRefusedWithItsVersion) {
  wire::Command command = good_command();
  command.set_version(4);
  EXPECT_NE(text_of(command).find("written by a newer muster (version 4)"), std::string::npos);
  wire::ClusterState state;
  state.set_version(7);
  EXPECT_NE(text_of(state).find("written by a newer muster (version 7)"), std::string::npos);
  wire::StoredAssignment stored;
  ASSERT_TRUE(stored.ParseFromString(encode(random.assignment())));
  stored.set_version(2);
  const auto assignment = decode_assignment(stored.SerializeAsString());
  ASSERT_FALSE(assignment);
  EXPECT_EQ(assignment.error().code, Code::DataLoss);
  EXPECT_NE(assignment.error().text.find("newer muster (version 2)"), std::string::npos);
  state.set_version(0);
  EXPECT_EQ(text_of(state), "cannot decode the cluster state: cluster_state.version is missing");
  wire::Frame frame;  // through a peer it is a bad frame
  *frame.mutable_write()->mutable_command() = command;
  EXPECT_NE(text_of(frame).find("newer muster (version 4)"), std::string::npos);
}

TEST_F(ProtobufCodecTest, WhatIsMissingIsNamed) {
  wire::Frame frame;
  EXPECT_EQ(text_of(frame), "cannot decode the frame: frame.body is missing");
  frame.mutable_registration();
  EXPECT_EQ(text_of(frame), "cannot decode the frame: register.info is missing");
  frame.mutable_write();
  EXPECT_EQ(text_of(frame), "cannot decode the frame: write.command is missing");
  frame.mutable_write_reply();
  EXPECT_EQ(text_of(frame), "cannot decode the frame: write_reply.error is missing");
  frame.mutable_assignments()->add_items();
  EXPECT_EQ(text_of(frame), "cannot decode the frame: assignment.spec is missing");
  frame.mutable_consensus();
  EXPECT_EQ(text_of(frame), "cannot decode the frame: consensus.message is missing");
  frame.mutable_consensus()->mutable_snapshot_chunk();
  EXPECT_EQ(text_of(frame), "cannot decode the frame: snapshot_chunk.meta is missing");
  wire::Command command = good_command();
  EXPECT_EQ(text_of(command), "decoded");
  command.clear_node_left();
  EXPECT_EQ(text_of(command), "cannot decode the command: command.body is missing");
  command.mutable_put_workload();
  EXPECT_EQ(text_of(command), "cannot decode the command: put_workload.spec is missing");
  command.mutable_alert_firing();
  EXPECT_EQ(text_of(command), "cannot decode the command: alert_firing.alert is missing");
  EXPECT_EQ(text_of(wire::Packet{}), "cannot decode the gossip packet: packet.kind is missing");
}

TEST_F(ProtobufCodecTest, NumbersThatNobodyKnowsAreRefused) {
  wire::Packet packet = good_packet();
  EXPECT_EQ(text_of(packet), "decoded");
  packet.set_kind(static_cast<wire::PacketKind>(8));
  EXPECT_EQ(text_of(packet),
            "cannot decode the gossip packet: packet.kind has the unknown number 8");
  packet = good_packet();
  *packet.add_claims() = good_claim();
  EXPECT_EQ(text_of(packet), "decoded");
  packet.mutable_claims(0)->set_state(static_cast<wire::MemberState>(-1));
  EXPECT_EQ(text_of(packet),
            "cannot decode the gossip packet: claim.state has the unknown number -1");
  wire::Frame frame;
  frame.mutable_status_report()->add_statuses()->set_phase(static_cast<wire::Phase>(10));
  EXPECT_EQ(text_of(frame),
            "cannot decode the frame: instance_status.phase has the unknown number 10");
}

TEST_F(ProtobufCodecTest, BadNamesPortsAndTimesAreRefused) {
  wire::Packet packet = good_packet();
  packet.set_from("N1\n\x1b[31m");
  EXPECT_EQ(text_of(packet),
            "cannot decode the gossip packet: packet.from \"N1??[31m\" is not a valid name");
  packet.set_from("");
  EXPECT_EQ(text_of(packet), "cannot decode the gossip packet: packet.from is missing");
  packet = good_packet();
  packet.mutable_target_address()->set_port(65536);
  EXPECT_EQ(text_of(packet),
            "cannot decode the gossip packet: address.port 65536 is not within 0 to 65535");
  packet.mutable_target_address()->set_port(65535);
  EXPECT_EQ(text_of(packet), "decoded");
  packet.mutable_target_address()->set_host("a b");
  EXPECT_NE(text_of(packet).find("address.host has blanks"), std::string::npos);
  packet.mutable_target_address()->set_host(std::string(256, 'a'));
  EXPECT_NE(text_of(packet).find("address.host has 256 bytes"), std::string::npos);

  wire::Frame frame;
  frame.mutable_heartbeat()->set_sent_at_ns(-1);
  EXPECT_NE(text_of(frame).find("heartbeat.sent_at_ns -1 is not within"), std::string::npos);
  wire::InstanceStatus& status = *frame.mutable_status_report()->add_statuses();
  status.set_phase(wire::PHASE_READY);
  EXPECT_EQ(text_of(frame), "decoded");
  status.set_pid(-1);  // to a kill() it would mean every process
  EXPECT_NE(text_of(frame).find("instance_status.pid -1 is not within"), std::string::npos);
  wire::Command command = good_command();
  command.set_at_ms(-1);
  EXPECT_NE(text_of(command).find("command.at_ms -1 is not within"), std::string::npos);
}

TEST_F(ProtobufCodecTest, AKeyThatComesTwiceIsRefused) {
  wire::ClusterState state;
  state.set_version(1);
  state.add_unplaceable()->set_key("web");
  EXPECT_EQ(text_of(state), "decoded");
  state.add_unplaceable()->set_key("web");
  EXPECT_NE(text_of(state).find("cluster_state.unplaceable has a key twice"), std::string::npos);
  wire::Command command = good_command();
  wire::NodeInfo& info = *command.mutable_node_up()->mutable_info();
  info.set_name("n1");
  info.add_labels()->set_key("disk");
  EXPECT_EQ(text_of(command), "decoded");
  info.add_labels()->set_key("disk");
  EXPECT_NE(text_of(command).find("node_info.labels has the key \"disk\" twice"),
            std::string::npos);
}

TEST_F(ProtobufCodecTest, ListsBeyondTheirLimitAreRefused) {
  wire::Packet packet = good_packet();
  for (int i = 0; i < 256; ++i) *packet.add_claims() = good_claim();
  EXPECT_EQ(text_of(packet), "decoded");
  *packet.add_claims() = good_claim();
  EXPECT_NE(text_of(packet).find("has more than 256 elements"), std::string::npos);

  wire::Sync sync;
  sync.set_from("n1");
  for (int i = 0; i < 20000; ++i) *sync.add_members() = good_claim();
  EXPECT_TRUE(decode_sync(sync.SerializeAsString()));
  *sync.add_members() = good_claim();
  EXPECT_FALSE(decode_sync(sync.SerializeAsString()));

  wire::Frame frame;
  for (int i = 0; i <= 100000; ++i) {
    wire::Entry& entry = *frame.mutable_consensus()->mutable_append_entries()->add_entries();
    entry.set_type(wire::ENTRY_TYPE_BARRIER);
  }
  EXPECT_NE(text_of(frame).find("has more than 100000 elements"), std::string::npos);
  frame.mutable_consensus()->mutable_append_entries()->mutable_entries()->RemoveLast();
  EXPECT_EQ(text_of(frame), "decoded");
}

TEST_F(ProtobufCodecTest, ManySmallListsTogetherAreRefusedToo) {
  wire::Frame frame;
  for (int i = 0; i < 10; ++i) {
    wire::Assignment& item = *frame.mutable_assignments()->add_items();
    for (int j = 0; j < 50000; ++j) item.mutable_spec()->add_command();
  }
  EXPECT_NE(text_of(frame).find("has too many list elements for its size"), std::string::npos);
}

TEST_F(ProtobufCodecTest, OversizeIsRefusedBeforeItIsRead) {
  gossip::Packet packet;
  packet.from = "n1";
  for (int i = 0; i < 256; ++i) {
    gossip::Claim& claim = packet.claims.emplace_back();
    claim.name = "n2";
    gossip::Meta meta;
    meta.zone = std::string(255, 'z');
    claim.card = card("n2", {"10.0.0.2", 7946}, std::move(meta));
  }
  EXPECT_GT(encode(packet).size(), 65535U);
  const auto decoded = decode_packet(encode(packet));
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().text.find("at most 65535 are allowed"), std::string::npos);

  rpc::ReadReply reply;
  reply.body = std::string(rpc::kFrameBytesMax, 'x');
  const auto large = decode_frame(encode(rpc::Frame(std::move(reply))));
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().text.find("at most 67108864 are allowed"), std::string::npos);
}

TEST_F(ProtobufCodecTest, ABlobIsNeverNullEvenWhenItsBytesAreAbsent) {
  wire::Frame frame;
  wire::AppendEntries& append = *frame.mutable_consensus()->mutable_append_entries();
  append.add_entries()->set_type(wire::ENTRY_TYPE_BARRIER);
  const auto decoded = decode_frame(frame.SerializeAsString());
  ASSERT_TRUE(decoded);
  const auto& message = std::get<rpc::Consensus>(*decoded).message;
  const raft::Blob blob = std::get<raft::AppendEntries>(message).entries.at(0).data;
  ASSERT_NE(blob, nullptr);
  EXPECT_TRUE(blob->empty());
  frame.mutable_consensus()->mutable_snapshot_chunk()->mutable_meta();
  const auto chunk = decode_frame(frame.SerializeAsString());
  ASSERT_TRUE(chunk);
  EXPECT_NE(std::get<raft::SnapshotChunk>(std::get<rpc::Consensus>(*chunk).message).bytes, nullptr);
}

TEST_F(ProtobufCodecTest, FieldsOfLaterVersionsAreSkipped) {
  std::string bytes = good_command().SerializeAsString();
  bytes += std::string("\xaa\x06\x03xyz", 6);  // field 101, three bytes
  EXPECT_TRUE(codec.decode_command(bytes));
}

}  // namespace
}  // namespace muster
