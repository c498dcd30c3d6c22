// What does an agent say and do whose clock, or whose coordinator's, is wrong? A production Node
// that is no master, and the test is its coordinator.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agent/node.h"
#include "base/protobuf_codec.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

const WallTime kWall{std::chrono::hours(490'000)};

struct Clocks : testing::Test {
  void SetUp() override {
    NodeOptions options;
    options.cluster = "prod";
    options.secured = true;
    options.info.name = "a1";
    options.info.rpc = {"10.0.0.9", 7947};
    options.info.gossip = {"10.0.0.9", 7946};
    options.masters = {{"n1", {"10.0.0.1", 7947}}};
    options.certificate = OwnCertificate{"7", kWall - 24h, kWall + 24h * 80};
    node = std::make_unique<Node>(options, Recovered{}, protobuf_codec(), kWall, now);
    take();
    pass(1s);
    ASSERT_NE(stream, 0U);
    happen(StreamOpened{stream, PeerIdentity{"n1", true, "5", "prod", kWall + 24h * 80}});
    rpc::HelloReply here;
    here.here = true;
    here.coordinator = "n1";
    hear(here);
    rpc::Facts facts;
    facts.revision = 9;
    facts.authorities = "old and new";
    hear(facts);
    ASSERT_EQ(installs, 1);
  }
  void happen(const Event& event) {
    node->handle(event, now);
    take();
  }
  void pass(Duration time) {
    now += time;
    happen(Tick{});
  }
  // The coordinator says this much of the time, and goes on to answer heartbeats.
  void pass_with(Duration time, Duration ahead) {
    for (const Instant end = now + time; now < end;) {
      pass(400ms);
      if (!beat) continue;
      const auto clock = wall() + std::chrono::duration_cast<std::chrono::milliseconds>(ahead);
      const rpc::Heartbeat answered = *std::exchange(beat, std::nullopt);
      hear(rpc::HeartbeatAck{answered.sequence, answered.sent_at_ns, 1, 2000, clock});
    }
  }
  void hear(const rpc::Frame& frame) { happen(FrameArrived{stream, frame}); }
  [[nodiscard]] WallTime wall() const {
    return kWall + std::chrono::duration_cast<std::chrono::milliseconds>(now - kStart);
  }
  void take() {
    for (Effect& effect : node->take_effects()) {
      if (const auto* open = std::get_if<OpenStream>(&effect)) stream = open->stream;
      if (std::holds_alternative<InstallFacts>(effect)) ++installs;
      if (const auto* notice = std::get_if<Notice>(&effect)) lines.push_back(notice->text);
      const auto* sent = std::get_if<SendFrame>(&effect);
      if (sent == nullptr) continue;
      if (const auto* one = std::get_if<rpc::Heartbeat>(&sent->frame)) beat = *one;
      if (const auto* one = std::get_if<rpc::FactsInstalled>(&sent->frame)) told = *one;
    }
  }
  [[nodiscard]] int said(const std::string& part) const {
    int count = 0;
    for (const std::string& line : lines) count += line.find(part) != std::string::npos ? 1 : 0;
    return count;
  }

  static constexpr Instant kStart{1h};
  Instant now = kStart;
  std::unique_ptr<Node> node;
  StreamId stream = 0;
  int installs = 0;
  std::vector<std::string> lines;
  std::optional<rpc::Heartbeat> beat;
  std::optional<rpc::FactsInstalled> told;
};

TEST_F(Clocks, AnAuthorityThatWasRefusedIsToldToTheCoordinatorAndTriedAgainUntilItIsTaken) {
  const FactsStored refused{9, 0, "digest of the old", {}, false, "not valid yet"};
  happen(refused);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->authorities_sha256, "digest of the old");
  EXPECT_EQ(told->refused, "not valid yet");
  pass_with(59s, 0s);
  EXPECT_EQ(installs, 1);
  pass_with(2s, 0s);
  EXPECT_EQ(installs, 2);
  happen(refused);
  EXPECT_EQ(said("not valid yet"), 1);  // once, however often it is tried
  happen(FactsStored{9, 0, "digest of both", {}, false, {}});
  EXPECT_EQ(told->authorities_sha256, "digest of both");
  EXPECT_EQ(told->refused, "");
  EXPECT_EQ(said("is trusted now"), 1);
  pass_with(120s, 0s);
  EXPECT_EQ(installs, 2);
}

TEST_F(Clocks, WhoseClockIsSetDoesNotWaitToTryAgain) {
  happen(FactsStored{9, 0, "digest of the old", {}, false, "not valid yet"});
  happen(WallRead{wall()});
  EXPECT_EQ(installs, 1);
  happen(WallRead{wall() + 24h});
  EXPECT_EQ(installs, 2);
}

TEST_F(Clocks, WhenTheCoordinatorsClockIsSetItIsTriedAgainAtOnceToo) {
  pass_with(5s, 24h);
  happen(FactsStored{9, 0, "digest of the old", {}, false, "not valid yet"});
  pass_with(5s, 24h);
  EXPECT_EQ(installs, 1);
  pass_with(1s, 0s);
  EXPECT_EQ(installs, 2);
}

TEST_F(Clocks, ACoordinatorADayAheadIsNamedWithBothTimesOnceAndWhenItAgreesAgain) {
  pass_with(5s, 10min);
  EXPECT_EQ(said("the clock of"), 0);
  pass_with(5s, 24h);
  EXPECT_EQ(said("the clock of coordinator n1 is 24 h 0 min ahead of this node's"), 1);
  EXPECT_EQ(said("timedatectl"), 1);
  ASSERT_TRUE(node->view(now)->clock_offset);
  EXPECT_EQ(*node->view(now)->clock_offset, 24h);
  pass_with(5s, 0s);
  EXPECT_EQ(said("the clock of coordinator n1 agrees with this node's again"), 1);
  EXPECT_EQ(said("the clock of"), 2);
}

TEST_F(Clocks, HeartbeatsSayWhatTheClockSays) {
  pass(400ms);
  ASSERT_TRUE(beat);
  EXPECT_EQ(beat->clock, wall());
}

TEST_F(Clocks, ACoordinatorThatSaysNothingOfItsClockIsNotJudged) {
  pass(400ms);
  ASSERT_TRUE(beat);
  hear(rpc::HeartbeatAck{beat->sequence, beat->sent_at_ns, 1, 2000});
  EXPECT_EQ(said("the clock of"), 0);
  EXPECT_FALSE(node->view(now)->clock_offset);
}

}  // namespace
}  // namespace muster::agent
