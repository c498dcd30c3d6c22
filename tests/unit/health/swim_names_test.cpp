// Two owners of one name, and members of two versions.
#include <gtest/gtest.h>

#include "health/swim.h"
#include "tests/unit/health/swim_net.h"

namespace muster::health {
namespace {

struct SwimNames : SwimTest {
  // Two clusters that do not know of each other, each with an n3: at port 3 and at port 9.
  void start_halves(int left, int right) {
    net.start("n1", net.none, 1);
    net.start("n3", net.first, 3);
    for (int i = 0; i < left; ++i) {
      net.start("l" + std::to_string(i), net.first, static_cast<std::uint16_t>(20 + i));
    }
    const std::vector<Address> other{{"10.0.0.1", 10}};
    net.start("n10", net.none, 10);
    net.start("n3", other, 9);
    for (int i = 0; i < right; ++i) {
      net.start("r" + std::to_string(i), other, static_cast<std::uint16_t>(40 + i));
    }
    net.run(5s);
    net.clear_logs();
  }
  void meet() {
    net.node(1).swim->join({{"10.0.0.1", 10}}, net.now);
    net.drain(net.node(1));
  }
  const NameTaken* stopped(int port) {
    for (const auto& [at, effect] : net.node(port).log) {
      if (const auto* taken = std::get_if<NameTaken>(&effect)) return taken;
    }
    return nullptr;
  }
};

TEST_F(SwimNames, TheOwnerWhomTheMajorityKnowsStaysAndTheOtherIsToldWhy) {
  start_halves(4, 1);
  meet();
  ASSERT_TRUE(net.run_until([&] { return stopped(9) != nullptr; }, 30s));
  net.run(30s);
  EXPECT_EQ(stopped(3), nullptr);
  EXPECT_EQ(stopped(9)->other, net.node(3).address);
  EXPECT_GT(stopped(9)->votes_against, stopped(9)->votes_for);
  EXPECT_GT(stopped(9)->votes_for, 0);
}

TEST_F(SwimNames, TheMajorityDecidesAgainstAHigherIncarnationToo) {
  start_halves(1, 4);
  gossip::Meta meta = net.node(3).swim->members().self().meta();
  meta.master = true;
  net.node(3).swim->set_meta(meta, net.now);  // incarnation 1, the other n3 has 0
  net.drain(net.node(3));
  net.run(1s);
  meet();
  ASSERT_TRUE(net.run_until([&] { return stopped(3) != nullptr; }, 30s));
  net.run(30s);
  EXPECT_EQ(stopped(9), nullptr);
}

TEST_F(SwimNames, ATieStopsExactlyOne) {
  start_halves(0, 0);
  meet();
  ASSERT_TRUE(net.run_until([&] { return stopped(3) != nullptr || stopped(9) != nullptr; }, 60s));
  net.run(30s);
  EXPECT_NE(stopped(3) != nullptr, stopped(9) != nullptr);
}

TEST_F(SwimNames, VotesThatNobodyAskedForDoNotCount) {
  ASSERT_TRUE(settle(3));
  Swim& swim = *net.node(1).swim;
  gossip::Packet packet;
  packet.cluster = fnv1a64("test");
  packet.from = "n2";
  gossip::Claim rival;
  rival.name = "n1";
  rival.incarnation = 5;
  rival.card = card("n1", {"10.0.0.1", 99});
  packet.claims = {rival};
  swim.on_packet(net.node(2).address, packet, net.now);  // opens the vote: n2 and n3 are asked
  packet.kind = gossip::PacketKind::NameReply;
  packet.target = "n1";
  for (int i = 0; i < 9; ++i) {
    packet.from = "stranger" + std::to_string(i);
    swim.on_packet({"10.0.0.1", 77}, packet, net.now);
  }
  net.drain(net.node(1));
  net.run(5s);  // n2 and n3 answer that they know n1 here
  EXPECT_EQ(SwimNet::count_of<NameTaken>(net.node(1)), 0);
}

TEST_F(SwimTest, TwoVersionsLiveInOneCluster) {
  for (int i = 1; i <= 6; ++i) {
    net.options.protocol = i % 2 == 0 ? gossip::ProtocolRange{1, 1} : gossip::ProtocolRange{1, 2};
    net.start(SwimNet::name_of(i), i == 1 ? net.none : net.first);
  }
  ASSERT_TRUE(net.run_until([&] { return net.all_agree(); }, 5s));
  net.run(60s);
  EXPECT_EQ(net.count(MemberState::Suspect), 0);
  for (auto& [port, n] : net.nodes) {
    EXPECT_EQ(n.swim->counters().wrong_version, 0U) << port;
    // A member of version 1 passes cards on without what it does not know: no reason to refute.
    EXPECT_EQ(n.swim->members().self().incarnation, 0U) << port;
  }
  net.node(4).dead = true;
  EXPECT_TRUE(net.run_until([&] { return net.everywhere("n4", MemberState::Failed); }, 3s));
}

TEST_F(SwimTest, WhoSpeaksNoVersionOfOursIsDroppedAndCounted) {
  ASSERT_TRUE(settle(2));
  net.options.protocol = {7, 9};
  net.start("n3", net.first, 3);
  net.run(5s);
  EXPECT_FALSE(net.node(1).swim->members().contains("n3"));
  EXPECT_GT(net.node(1).swim->counters().wrong_version, 0U);
  EXPECT_FALSE(net.node(3).swim->joined());
}

TEST(Protocol, TheCommonVersionIsTheHighestThatBothSpeak) {
  using gossip::common_version;
  EXPECT_EQ(common_version({1, 1}, {1, 2}), 1U);
  EXPECT_EQ(common_version({1, 2}, {1, 2}), 2U);
  EXPECT_EQ(common_version({2, 4}, {1, 3}), 3U);
  EXPECT_EQ(common_version({1, 1}, {2, 3}), 0U);
  EXPECT_EQ(common_version({4, 5}, {1, 3}), 0U);
}

}  // namespace
}  // namespace muster::health
