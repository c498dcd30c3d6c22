// What does an agent that does not belong to the cluster get? A reason, and an end; the cluster
// does not notice.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/protobuf_codec.h"
#include "world.h"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;

// --- one master, and whatever is said to it ---

struct Refusal : testing::Test {
  Refusal() {
    options.cluster = "sim";
    options.info.name = "n1";
    options.info.rpc = {"10.0.0.1", 7947};
    options.info.gossip = {"10.0.0.1", 7946};
    options.info.master = true;
    options.masters = {
        {"n1", options.info.rpc}, {"n2", {"10.0.0.2", 7947}}, {"n3", {"10.0.0.3", 7947}}};
    options.masters_digest = 7;
    make(options);
    good.cluster = "sim";
    good.from = "n9";
    good.masters = 7;
  }
  void make(const agent::NodeOptions& how, const std::string& cluster_id = {}) {
    agent::Recovered found;
    found.cluster_id = cluster_id;
    node = std::make_unique<agent::Node>(how, found, protobuf_codec(), WallTime{}, now);
    std::ignore = node->take_effects();
  }
  // A new stream that begins with `first`; the reason of the refusal, "" when there is none.
  std::string refusal_of(const rpc::Frame& first) {
    stream += 2;
    node->handle(agent::StreamAccepted{stream}, now);
    std::ignore = node->take_effects();
    node->handle(agent::FrameArrived{stream, first}, now);
    std::string why;
    closed = false;
    for (const agent::Effect& effect : node->take_effects()) {
      if (const auto* closing = std::get_if<agent::CloseStream>(&effect)) {
        closed = closed || closing->stream == stream;
      }
      const auto* sent = std::get_if<agent::SendFrame>(&effect);
      if (sent == nullptr || sent->stream != stream) continue;
      const auto* reply = std::get_if<rpc::HelloReply>(&sent->frame);
      if (reply != nullptr && reply->refused) why = reply->why;
    }
    EXPECT_EQ(closed, !why.empty() || !std::holds_alternative<rpc::Hello>(first));
    return why;
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  Instant now{100s};
  agent::NodeOptions options;
  std::unique_ptr<agent::Node> node;
  rpc::Hello good;
  StreamId stream = 0;
  bool closed = false;
};

TEST_F(Refusal, AnAgentThatBelongsHereIsWelcome) { EXPECT_EQ(refusal_of(good), ""); }

TEST_F(Refusal, AProtocolThatIsNotSpokenHereIsRefusedWithBothRanges) {
  rpc::Hello newer = good;
  newer.protocol_min = rpc::kProtocolMax + 1;
  newer.protocol_max = rpc::kProtocolMax + 3;
  const std::string why = refusal_of(newer);
  EXPECT_TRUE(has(why, "protocol 2 to 4 is not spoken here")) << why;
  EXPECT_TRUE(has(why, "1 to 1 is")) << why;
  rpc::Hello older = good;
  older.protocol_min = 0;
  older.protocol_max = 0;
  EXPECT_TRUE(has(refusal_of(older), "protocol 0 to 0"));
  rpc::Hello wide = good;
  wide.protocol_min = 0;
  wide.protocol_max = 9;
  EXPECT_EQ(refusal_of(wide), "") << "one that both speak is enough";
}

TEST_F(Refusal, AnotherClusterIsRefusedWithBothNames) {
  rpc::Hello stranger = good;
  stranger.cluster = "prod";
  const std::string why = refusal_of(stranger);
  EXPECT_TRUE(has(why, "\"prod\"") && has(why, "\"sim\"")) << why;
}

// Two clusters may have chosen one name; what they wrote down differs.
TEST_F(Refusal, TheDataOfAnotherClusterOfThisNameIsRefusedWithBothIds) {
  make(options, "c1");
  rpc::Hello stranger = good;
  stranger.cluster_id = "c2";
  const std::string why = refusal_of(stranger);
  EXPECT_TRUE(has(why, "c2") && has(why, "this is c1") && has(why, "an empty data_dir")) << why;
  stranger.cluster_id = "c1";
  EXPECT_EQ(refusal_of(stranger), "");
  stranger.cluster_id.clear();
  EXPECT_EQ(refusal_of(stranger), "") << "one that never was in a cluster";
}

TEST_F(Refusal, AnotherListOfMastersIsRefusedWithTheOneOfHere) {
  rpc::Hello stranger = good;
  stranger.masters = 8;
  const std::string why = refusal_of(stranger);
  EXPECT_TRUE(has(why, "n1 10.0.0.1:7947, n2 10.0.0.2:7947, n3 10.0.0.3:7947")) << why;
}

TEST_F(Refusal, AMasterThatIsNotListedOrHasThisOnesNameIsRefused) {
  rpc::Hello master = good;
  master.purpose = rpc::Purpose::Master;
  EXPECT_TRUE(has(refusal_of(master), "\"n9\" is not in the list of masters"));
  master.from = "n1";
  EXPECT_TRUE(has(refusal_of(master), "this master's own"));
  master.from = "n2";
  EXPECT_EQ(refusal_of(master), "");
}

TEST_F(Refusal, AWorkerSendsAgentsAway) {
  agent::NodeOptions worker;
  worker.cluster = "sim";
  worker.info.name = "w1";
  worker.info.rpc = {"10.0.0.7", 7947};
  worker.masters = {{"n1", {"10.0.0.1", 7947}}};
  worker.masters_digest = 7;
  make(worker);
  EXPECT_TRUE(has(refusal_of(good), "w1 is not a master"));
}

TEST_F(Refusal, AStreamThatDoesNotBeginWithAHelloIsCut) {
  for (const rpc::Frame& first :
       {rpc::Frame(rpc::Heartbeat{}), rpc::Frame(rpc::Register{}), rpc::Frame(rpc::Consensus{})}) {
    EXPECT_EQ(refusal_of(first), "");
    EXPECT_TRUE(closed);
  }
}

TEST_F(Refusal, AStreamThatSaysNothingIsCutInTime) {
  node->handle(agent::StreamAccepted{2}, now);
  std::ignore = node->take_effects();
  bool cut = false;
  for (const Instant end = now + 6s; now < end; now += 100ms) {
    node->handle(agent::Tick{}, now);
    for (const agent::Effect& effect : node->take_effects()) {
      const auto* closing = std::get_if<agent::CloseStream>(&effect);
      cut = cut || (closing != nullptr && closing->stream == 2);
    }
  }
  EXPECT_TRUE(cut);
}

// --- a whole cluster with one that does not belong ---

struct Misfit : testing::Test {
  // Four nodes are a cluster, n5 is configured by `spoil`; returns why n5 ended.
  std::string join(const std::function<void(agent::NodeOptions&)>& spoil) {
    World world({}, 1);
    for (const char* name : {"n1", "n2", "n3", "n4"}) world.start(name);
    EXPECT_TRUE(
        world.run_until([&] { return world.state() && world.state()->nodes.size() == 4; }, 15s));
    const NodeName coordinator = world.coordinator();
    spoil(world.configure("n5"));
    world.start("n5");
    EXPECT_TRUE(world.run_until([&] { return !world.alive("n5"); }, 10s)) << "n5 goes on";
    world.run_for(5s);
    EXPECT_EQ(world.coordinator(), coordinator);
    for (const char* name : {"n1", "n2", "n3", "n4"}) {
      EXPECT_TRUE(world.alive(name));
      EXPECT_EQ(world.state()->nodes.at(name).state, NodeState::Alive) << name;
    }
    return world.halts().size() == 1 ? world.halts().front() : "";
  }
};

TEST_F(Misfit, AnAgentWithAnotherListOfMastersEndsWithTheReason) {
  const std::string why = join([](agent::NodeOptions& n5) { n5.masters_digest = 2; });
  EXPECT_NE(why.find("its list of masters is another one"), std::string::npos) << why;
}

TEST_F(Misfit, AnAgentOfAnotherClusterEndsWithTheReason) {
  const std::string why = join([](agent::NodeOptions& n5) { n5.cluster = "prod"; });
  EXPECT_NE(why.find("it belongs to cluster \"prod\""), std::string::npos) << why;
}

TEST_F(Misfit, AnAgentWhoseNameIsTakenEndsAndTheFirstGoesOn) {
  const std::string why = join([](agent::NodeOptions& n5) { n5.info.name = "n4"; });
  EXPECT_NE(why.find("the name n4 is in use by the agent at 10.0.0.4"), std::string::npos) << why;
}

}  // namespace
}  // namespace muster::sim
