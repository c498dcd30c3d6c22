// Whoever missed a change exchanges tables at once, and nobody else does.
#include <gtest/gtest.h>

#include "health/swim.h"
#include "tests/unit/health/swim_net.h"

namespace muster::health {
namespace {

struct SwimDigest : SwimTest {
  void SetUp() override { net.options.push_pull_interval = 10min; }
  std::uint64_t digest_syncs() {
    std::uint64_t total = 0;
    for (auto& [port, n] : net.nodes) {
      if (!n.dead) total += n.swim->counters().digest_syncs;
    }
    return total;
  }
  void change_meta_of_n3() {
    gossip::Meta meta = net.node(3).swim->members().self().meta();
    meta.master = true;
    net.node(3).swim->set_meta(meta, net.now);
    net.drain(net.node(3));
  }
  bool knows(int i) { return net.node(i).swim->members().at("n3").meta().master; }
};

TEST_F(SwimDigest, WhoeverMissedAChangeLearnsItWithinASecond) {
  ASSERT_TRUE(settle(8));
  net.mute = {5};
  change_meta_of_n3();
  EXPECT_TRUE(net.run_until([&] { return knows(5); }, 1s));
  EXPECT_GT(digest_syncs(), 0U);
}

TEST_F(SwimDigest, WithoutDigestsThatWaitsForAPushPull) {
  net.options.protocol = {1, 1};
  ASSERT_TRUE(settle(8));
  net.run(6min);  // a newcomer's exchanges are frequent at first
  net.mute = {5};
  change_meta_of_n3();
  net.run(3s);
  EXPECT_TRUE(knows(4));
  EXPECT_FALSE(knows(5));
}

TEST_F(SwimDigest, HalfOfTheMembersMissedItAndLearnItAllTheSame) {
  ASSERT_TRUE(settle(16));
  net.mute = {9, 10, 11, 12, 13, 14, 15, 16};
  change_meta_of_n3();
  const auto all = [&] {
    for (int i = 1; i <= 16; ++i) {
      if (!knows(i)) return false;
    }
    return true;
  };
  EXPECT_TRUE(net.run_until(all, 2s));
}

TEST_F(SwimDigest, WhoeverMissedAFailureLearnsIt) {
  ASSERT_TRUE(settle(8));
  net.mute = {5};
  net.node(3).dead = true;
  EXPECT_TRUE(net.run_until([&] { return net.everywhere("n3", MemberState::Failed); }, 8s));
}

TEST_F(SwimDigest, AQuietClusterExchangesNothing) {
  net.loss_percent = 5;
  ASSERT_TRUE(settle(16));
  const std::uint64_t before = digest_syncs();
  net.run(60s);
  // A lost refutation may cost one now and then; agreement costs none.
  EXPECT_LE(digest_syncs() - before, 16U);
  EXPECT_TRUE(net.all_agree());
  for (auto& [port, n] : net.nodes) {
    EXPECT_EQ(n.swim->members().digest(), net.node(1).swim->members().digest());
  }
}

TEST_F(SwimDigest, EqualTablesAreNotExchangedAndDifferentOnesAreBothWays) {
  ASSERT_TRUE(settle(3));
  Swim& swim = *net.node(1).swim;
  gossip::Sync question;
  question.cluster = fnv1a64("test");
  question.from = "n2";
  question.protocol = {1, 2};
  question.digest = swim.members().digest();
  const auto answer_to = [&](const gossip::Sync& sync) {
    swim.on_sync_request(1, sync, net.now);
    gossip::Sync answer;
    for (const SwimEffect& effect : swim.take_effects()) {
      if (const auto* found = std::get_if<AnswerSync>(&effect)) answer = found->sync;
    }
    return answer;
  };
  EXPECT_TRUE(answer_to(question).members.empty());
  EXPECT_EQ(answer_to(question).digest, question.digest);
  question.digest ^= 2;
  EXPECT_EQ(answer_to(question).members.size(), 3U);
  question.digest = 0;  // version 1 does not ask
  EXPECT_EQ(answer_to(question).members.size(), 3U);
}

TEST_F(SwimDigest, WhoeverKnowsMoreThanTheAnswerSendsItsTable) {
  net.options.push_pull_interval = 2s;
  ASSERT_TRUE(settle(4));
  // n4 alone learns of a member that only it can reach, and gossip of it is lost.
  net.mute = {1, 2, 3};
  net.start("n5", {net.node(4).address});
  EXPECT_TRUE(net.run_until([&] { return net.everywhere("n5", MemberState::Alive); }, 3s));
}

TEST_F(SwimDigest, ADifferenceThatNoExchangeMendsIsNotAskedForMoreAndMoreOften) {
  ASSERT_TRUE(settle(3));
  Swim& swim = *net.node(1).swim;
  int exchanges = 0;
  for (int i = 0; i < 600; ++i) {  // a minute of acks from a member whose digest is just wrong
    net.run(100ms);
    gossip::Packet packet;
    packet.kind = gossip::PacketKind::Ack;
    packet.cluster = fnv1a64("test");
    packet.from = "n2";
    packet.digest = 12345;
    swim.on_packet(net.node(2).address, packet, net.now);
    for (const SwimEffect& effect : swim.take_effects()) {
      exchanges += std::holds_alternative<StartSync>(effect) ? 1 : 0;
      if (const auto* start = std::get_if<StartSync>(&effect)) {
        swim.on_sync_failed(start->id, net.now);
      }
    }
  }
  EXPECT_GE(exchanges, 3);
  EXPECT_LE(exchanges, 20);
}

TEST(MemberTable, TheDigestDependsOnNamesAndIncarnationsOfTheLivingAlone) {
  Rng rng(1);
  const Instant now{1h};
  const auto member = [&](const NodeName& name, std::uint64_t incarnation) {
    return Member{card(name, {"10.0.0.1", 1}), MemberState::Alive, incarnation, now, now};
  };
  MemberTable a(member("a", 0));
  MemberTable b(member("b", 2));
  a.insert(member("b", 1), rng);
  a.insert(member("c", 0), rng);
  b.insert(member("c", 0), rng);
  b.insert(member("a", 0), rng);
  EXPECT_NE(a.digest(), b.digest());
  a.change(*a.find("b"), MemberState::Suspect, 2, now);
  EXPECT_EQ(a.digest(), b.digest());
  b.change(*b.find("c"), MemberState::Failed, 0, now);
  EXPECT_NE(a.digest(), b.digest());
  a.erase("c");
  EXPECT_EQ(a.digest(), b.digest());
}

TEST(MemberTable, PicksAreUniformDistinctAndEligible) {
  Rng rng(7);
  const Instant now{1h};
  MemberTable table(Member{card("self", {"10.0.0.1", 1}), MemberState::Alive, 0, now, now});
  for (int i = 0; i < 10; ++i) {
    table.insert(
        Member{card("m" + std::to_string(i), {"10.0.0.1", 1}), MemberState::Alive, 0, now, now},
        rng);
  }
  table.erase("m9");
  const auto odd = [](const Member& m) { return (m.name().back() - '0') % 2 == 1; };
  std::map<NodeName, int> drawn;
  for (int i = 0; i < 4000; ++i) {
    const auto picked = table.pick(2, odd, rng);
    ASSERT_EQ(picked.size(), 2U);
    ASSERT_NE(picked[0], picked[1]);
    for (const Member* member : picked) ++drawn[member->name()];
  }
  EXPECT_EQ(drawn.size(), 4U);  // m1 m3 m5 m7
  for (const auto& [name, times] : drawn) EXPECT_NEAR(times, 2000, 200) << name;
  EXPECT_EQ(table.pick(100, odd, rng).size(), 4U);
}

TEST(MemberTable, IteratesInTheOrderOfNamesAndReusesSlots) {
  Rng rng(7);
  const Instant now{1h};
  MemberTable table(Member{card("m", {"10.0.0.1", 1}), MemberState::Alive, 0, now, now});
  for (const char* name : {"z", "a", "q"}) {
    table.insert(Member{card(name, {"10.0.0.1", 1}), MemberState::Alive, 0, now, now}, rng);
  }
  table.erase("q");
  table.insert(Member{card("b", {"10.0.0.1", 1}), MemberState::Left, 0, now, now}, rng);
  std::string names;
  for (const Member& member : table) names += member.name();
  EXPECT_EQ(names, "abmz");
  EXPECT_EQ(table.live(), 3U);
  EXPECT_EQ(table.find("q"), nullptr);
  std::set<NodeName> probed;
  for (int i = 0; i < 3; ++i) {
    probed.insert(table.next_to_probe([](const Member&) { return true; }, rng)->name());
  }
  EXPECT_EQ(probed, (std::set<NodeName>{"a", "b", "z"}));
}

}  // namespace
}  // namespace muster::health
