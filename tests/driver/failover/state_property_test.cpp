// Whatever comes through the log: do all masters end up in the same state, and is it read back?
#include <gtest/gtest.h>

#include "base/protobuf_codec.h"
#include "failover/commands.h"
#include "tests/driver/base/random_values.h"

namespace muster::failover {
namespace {

// Commands that often fit: few names and keys, so that they meet; and now and then anything at all.
class RandomLog {
 public:
  explicit RandomLog(Rng& rng) : rng_(rng), any_(rng) {}

  Command next() {
    at_ += std::chrono::milliseconds(rng_.below(5000));
    Command command;
    if (rng_.chance(15)) {
      command = any_.command(static_cast<std::size_t>(rng_.below(RandomValues::kCommands)));
    } else {
      command.body = body();
    }
    command.at = at_;
    command.request = rng_.chance(50) ? "r" + std::to_string(rng_.below(200)) : "";
    command.version = 1 + static_cast<std::uint32_t>(rng_.below(kStateVersion));
    command.asked = rng_.below(3);
    return command;
  }

 private:
  std::string one_of(const char* prefix, std::uint64_t many) {
    return prefix + std::to_string(rng_.below(many));
  }
  std::optional<std::uint64_t> expected() {
    return rng_.chance(30) ? std::optional(rng_.below(400)) : std::nullopt;
  }
  Blob value() { return std::make_shared<const std::string>(rng_.below(100), 'v'); }
  CommandBody body() {
    switch (rng_.below(16)) {
      case 0: return DeleteKey{one_of("key/", 60), expected()};
      case 1: return DeletePrefix{one_of("key/", 6)};
      case 2: return GrantLease{one_of("lease", 4), one_of("n", 3), 5000};
      case 3: return RenewLease{one_of("lease", 4), one_of("n", 3), rng_.below(60)};
      case 4: return ReleaseLease{one_of("lease", 4), one_of("n", 3), rng_.below(60)};
      case 5: return ExpireLease{one_of("lease", 4), rng_.below(60), rng_.below(400)};
      case 6: return PutToken{token()};
      case 7:
        return UseJoinToken{one_of("t", 8),   one_of("n", 9),  one_of("s", 900),
                            one_of("key", 3), NodeRole::Agent, at_ + std::chrono::hours(1)};
      case 8:
        return RecordCertificate{one_of("n", 9),
                                 one_of("s", 900),
                                 one_of("key", 3),
                                 one_of("s", 900),
                                 NodeRole::Agent,
                                 at_,
                                 at_ + std::chrono::hours(1)};
      case 9: return RevokeNode{one_of("n", 9)};
      case 10: return NodeFailed{one_of("n", 9), "silent"};
      case 11:
        return RecordUserCertificate{one_of("s", 90), one_of("n", 9), Role::Viewer,
                                     at_ + std::chrono::minutes(1), "a1"};
      case 12:
        return rng_.chance(50) ? RevokeUserCertificates{one_of("n", 9), ""}
                               : RevokeUserCertificates{"", one_of("s", 90)};
      default: return PutKey{one_of("key/", 60), value(), expected()};
    }
  }
  TokenRecord token() {
    TokenRecord token;
    token.id = one_of("t", 8);
    token.kind = TokenKind::Join;
    token.sha256 = std::string(64, 'a');
    token.uses_left = 1 + static_cast<std::uint32_t>(rng_.below(3));
    token.expires = at_ + std::chrono::seconds(30);
    return token;
  }

  Rng& rng_;
  RandomValues any_;
  WallTime at_{std::chrono::hours(500'000)};
};

TEST(StateProperty, AllMastersAgreeWhereverTheyBegan) {
  const Codec codec = protobuf_codec();
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Rng rng(seed);
    RandomLog log(rng);
    ClusterState straight, restored;
    std::vector<std::pair<ClusterState, std::string>> frozen;
    for (std::uint64_t index = 1; index <= 400; ++index) {
      const Result<Command> command = codec.decode_command(codec.encode_command(log.next()));
      ASSERT_TRUE(command) << command.error().text;
      const Result<Outcome> one = apply(straight, index, *command);
      ASSERT_EQ(one, apply(restored, index, *command)) << "seed " << seed << ", index " << index;
      if (rng.chance(5)) {
        const std::string bytes = codec.encode_state(restored);
        frozen.emplace_back(straight, bytes);
        Result<ClusterState> again = codec.decode_state(bytes);
        ASSERT_TRUE(again) << again.error().text;
        restored = std::move(*again);
        ASSERT_EQ(restored, straight) << "seed " << seed << ", index " << index;
      }
    }
    EXPECT_EQ(codec.encode_state(restored), codec.encode_state(straight));
    std::uint64_t bytes = 0;
    for (const auto& [key, record] : straight.kv) bytes += key.size() + record.value->size();
    EXPECT_EQ(straight.kv_bytes, bytes);
    for (const auto& [state, was] : frozen) {  // what was copied did not change since
      EXPECT_EQ(codec.encode_state(state), was) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace muster::failover
