#include "health/swim.h"

#include <gtest/gtest.h>

#include "tests/unit/health/swim_net.h"

namespace muster::health {
namespace {

TEST_F(SwimTest, AJoinStormConverges) {
  net.start_cluster(64);
  EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 3s));
  for (auto& [port, n] : net.nodes) EXPECT_TRUE(n.swim->joined());
  net.run(20s);
  EXPECT_EQ(net.count(MemberState::Suspect), 0);
  EXPECT_LE(net.largest, net.options.datagram_bytes_max);
}

TEST_F(SwimTest, JoiningIsTriedUntilASeedIsThere) {
  net.start("n2", net.first, 2);
  net.run(3s);
  EXPECT_FALSE(net.node(2).swim->joined());
  net.start("n1", net.none, 1);
  EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 5s));
  EXPECT_TRUE(net.node(2).swim->joined());
}

TEST_F(SwimTest, WithNoOtherSeedTheClusterBeginsWithUs) {
  net.start("n1", net.first, 1);
  EXPECT_TRUE(net.node(1).swim->joined());
}

TEST_F(SwimTest, AKilledMemberIsFailedEverywhereInTime) {
  // Five members, one killed, 40 times: without a hint, and with one at once to one member.
  for (const bool hint : {false, true}) {
    std::vector<Duration> took;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      SwimNet world{seed};
      world.start_cluster(5);
      world.run(4s + world.rng.below(Duration(200ms)));
      const Instant killed = world.now;
      world.node(3).dead = true;
      if (hint) {
        world.node(1).swim->hint_unreachable("n3", world.now);
        world.drain(world.node(1));
      }
      ASSERT_TRUE(
          world.run_until([&] { return world.everywhere("n3", MemberState::Failed); }, 10s));
      took.push_back(world.now - killed);
      EXPECT_EQ(world.count(MemberState::Failed), 4);
    }
    std::sort(took.begin(), took.end());
    RecordProperty(hint ? "median_hint_ms" : "median_ms",
                   static_cast<int>(seconds(took[20]) * 1000));
    EXPECT_LE(took[20], hint ? Duration(900ms) : Duration(1100ms)) << seconds(took[20]);
    EXPECT_LE(took.back(), 2s) << seconds(took.back());
    EXPECT_GE(took.front(), 600ms);
  }
}

TEST_F(SwimTest, TwoKilledAtOnceAreBothFailed) {
  ASSERT_TRUE(settle(5));
  net.node(2).dead = net.node(3).dead = true;
  EXPECT_TRUE(net.run_until(
      [&] {
        return net.everywhere("n2", MemberState::Failed) &&
               net.everywhere("n3", MemberState::Failed);
      },
      2s));
}

TEST_F(SwimTest, AFailureCarriesItsEvidence) {
  ASSERT_TRUE(settle(5));
  const Instant killed = net.now;
  net.node(3).dead = true;
  ASSERT_TRUE(net.run_until([&] { return net.everywhere("n3", MemberState::Failed); }, 3s));
  for (const int i : {1, 2, 4, 5}) {
    const MemberChanged* last = nullptr;
    for (const auto& [at, effect] : net.node(i).log) last = std::get_if<MemberChanged>(&effect);
    ASSERT_NE(last, nullptr);
    ASSERT_EQ(last->now.state, MemberState::Failed);
    EXPECT_EQ(last->before->state, MemberState::Suspect);
    EXPECT_FALSE(last->evidence.accuser.empty());
    EXPECT_GE(last->evidence.suspected_at, killed);
    EXPECT_LE(last->evidence.last_heard, killed + 1ms);
    EXPECT_NE(last->evidence.text.find("suspected by n"), std::string::npos);
  }
}

TEST_F(SwimTest, AHintAloneIsNoVerdict) {
  ASSERT_TRUE(settle(5));
  for (int i = 0; i < 20; ++i) {
    net.node(1).swim->hint_unreachable("n3", net.now);
    net.drain(net.node(1));
    net.run(50ms);
  }
  EXPECT_EQ(net.count(MemberState::Suspect), 0);
}

TEST_F(SwimTest, ARestartedAgentGoesAboveItsEarlierLife) {
  ASSERT_TRUE(settle(5));
  for (int life = 0; life < 3; ++life) {
    net.node(3).dead = true;
    net.run(life == 1 ? 5s : 300ms);  // failed in between, or not
    const auto before = net.node(1).swim->members().at("n3").incarnation;
    net.start("n3", net.first, 3);
    EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 1s));
    net.run(2s);
    EXPECT_TRUE(net.all_agree());
    EXPECT_EQ(SwimNet::count_of<NameTaken>(net.node(3)), 0);
    EXPECT_GE(net.node(1).swim->members().at("n3").incarnation, before);
    EXPECT_EQ(net.node(1).swim->members().at("n3").incarnation,
              net.node(3).swim->members().at("n3").incarnation);
  }
}

TEST_F(SwimTest, AnAgentBackWithinTheSuspicionTimeIsNeverFailed) {
  ASSERT_TRUE(settle(5));
  net.node(3).dead = true;
  net.run(500ms);
  net.start("n3", net.first, 3);
  net.run(10s);
  EXPECT_EQ(net.count(MemberState::Failed), 0);
  EXPECT_TRUE(net.all_agree());
}

TEST_F(SwimTest, LeavingIsSeenAsLeftAndNotAsFailed) {
  ASSERT_TRUE(settle(5));
  net.node(3).swim->leave(net.now);
  net.drain(net.node(3));
  EXPECT_TRUE(net.run_until([&] { return net.node(3).swim->leave_done(); }, 1s));
  net.node(3).dead = true;
  EXPECT_TRUE(net.run_until([&] { return net.everywhere("n3", MemberState::Left); }, 500ms));
  net.run(10s);
  EXPECT_EQ(net.count(MemberState::Failed), 0);
  EXPECT_EQ(net.count(MemberState::Suspect), 0);
  net.start("n3", net.first, 9);  // the name is free, also elsewhere
  EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 1s));
  EXPECT_EQ(net.node(1).swim->members().at("n3").gossip().port, 9);
}

TEST_F(SwimTest, TheLastMemberLeavesWithoutWaiting) {
  net.start_cluster(1);
  net.node(1).swim->leave(net.now);
  EXPECT_TRUE(net.node(1).swim->leave_done());
}

TEST_F(SwimTest, ANewcomerWithATakenNameStopsAndTheOldMemberStays) {
  ASSERT_TRUE(settle(5));
  gossip::Meta meta;
  meta.zone = "other";  // the old member's incarnation is above a newcomer's
  net.node(3).swim->set_meta(meta, net.now);
  net.run(1s);
  net.start("n3", net.first, 9);
  net.run(3s);
  SwimNet::Node& twin = net.node(9);
  ASSERT_EQ(SwimNet::count_of<NameTaken>(twin), 1);
  EXPECT_EQ(std::get<NameTaken>(twin.log.back().second).other.port, 3);
  EXPECT_EQ(twin.swim->deadline(), kNever);
  twin.dead = true;
  EXPECT_EQ(SwimNet::count_of<Conflict>(net.node(1)), 1);
  EXPECT_EQ(net.node(1).swim->members().at("n3").gossip().port, 3);
  EXPECT_EQ(net.count(MemberState::Suspect), 0);
}

TEST_F(SwimTest, AFailedMembersNameIsFreeAtAnotherAddress) {
  ASSERT_TRUE(settle(5));
  net.node(3).dead = true;
  net.run(5s);
  net.start("n3", net.first, 9);
  EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 1s));
  EXPECT_EQ(net.node(5).swim->members().at("n3").gossip().port, 9);
  EXPECT_EQ(net.count(MemberState::Left), 0);
}

TEST_F(SwimTest, APartitionHeals) {
  ASSERT_TRUE(settle(5));
  for (const std::uint16_t a : {std::uint16_t{1}, std::uint16_t{2}}) {
    for (std::uint16_t b = 3; b <= 5; ++b) {
      net.cuts.insert({a, b});
      net.cuts.insert({b, a});
    }
  }
  net.run(60s);
  EXPECT_EQ(SwimNet::alive(net.node(1)), (std::set<NodeName>{"n1", "n2"}));
  EXPECT_EQ(SwimNet::alive(net.node(4)), (std::set<NodeName>{"n3", "n4", "n5"}));
  net.cuts.clear();
  EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 30s));
  net.run(30s);
  EXPECT_TRUE(net.all_agree());
}

TEST_F(SwimTest, APartitionHealsAlsoWhenTheSeedIsGone) {
  ASSERT_TRUE(settle(5));
  net.node(1).dead = true;
  for (const auto& [a, b] : {std::pair{2, 4}, {2, 5}, {3, 4}, {3, 5}}) {
    const auto left = static_cast<std::uint16_t>(a);
    const auto right = static_cast<std::uint16_t>(b);
    net.cuts.insert({left, right});
    net.cuts.insert({right, left});
  }
  net.run(60s);
  EXPECT_EQ(SwimNet::alive(net.node(2)), (std::set<NodeName>{"n2", "n3"}));
  net.cuts.clear();
  EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 60s));
}

TEST_F(SwimTest, RelaysSaveAMemberBehindAOneWayCut) {
  ASSERT_TRUE(settle(5));
  net.cuts.insert({1, 3});
  net.run(60s);
  EXPECT_EQ(net.count(MemberState::Suspect), 0);
  net.cuts = {{3, 1}};
  net.run(60s);
  EXPECT_EQ(net.count(MemberState::Failed), 0);
}

TEST_F(SwimTest, TenPercentLossFailsNobody) {
  net.loss_percent = 10;
  ASSERT_TRUE(settle(10));
  net.run(5min);
  EXPECT_EQ(net.count(MemberState::Failed), 0);
  EXPECT_TRUE(net.all_agree());
}

TEST_F(SwimTest, AFrozenMemberAccusesNobodyOnWakingAndIsBackAtOnce) {
  for (const Duration freeze : {Duration(1s), Duration(5s), Duration(15s)}) {
    SwimNet world{3};
    world.start_cluster(16);
    world.run(5s);
    ASSERT_TRUE(world.all_agree());
    world.node(3).frozen = true;
    world.run(freeze);
    world.clear_logs();
    world.thaw(world.node(3));
    EXPECT_TRUE(world.run_until([&] { return world.all_agree(); }, 500ms)) << seconds(freeze);
    world.run(5s);
    EXPECT_TRUE(world.all_agree());
    for (const auto& [at, effect] : world.node(3).log) {
      const auto* change = std::get_if<MemberChanged>(&effect);
      EXPECT_TRUE(change == nullptr || change->now.state == MemberState::Alive);
    }
    EXPECT_EQ(world.node(3).swim->counters().stalls, 1U);
  }
}

TEST_F(SwimTest, MetaReachesEverybody) {
  ASSERT_TRUE(settle(5));
  gossip::Meta meta = net.node(3).swim->members().at("n3").meta();
  meta.master = true;
  net.node(3).swim->set_meta(meta, net.now);
  net.drain(net.node(3));
  EXPECT_TRUE(net.run_until(
      [&] {
        return std::all_of(net.nodes.begin(), net.nodes.end(), [](auto& entry) {
          return entry.second.swim->members().at("n3").meta().master;
        });
      },
      500ms));
  EXPECT_EQ(SwimNet::count_of<MemberChanged>(net.node(1)), 1);
  EXPECT_EQ(SwimNet::count_of<MemberChanged>(net.node(3)), 0);
}

TEST_F(SwimTest, TombstonesAreDroppedAndDoNotComeBack) {
  net.options.tombstone = 30s;
  ASSERT_TRUE(settle(5));
  net.node(3).dead = true;
  net.run(10s);
  EXPECT_TRUE(net.everywhere("n3", MemberState::Failed));
  net.run(70s);
  for (const int i : {1, 2, 4, 5}) EXPECT_FALSE(net.node(i).swim->members().contains("n3"));
}

TEST_F(SwimTest, TheSameSeedGivesTheSameTrace) {
  const auto trace = [](std::uint64_t seed) {
    SwimNet world{seed};
    world.loss_percent = 5;
    world.start_cluster(8);
    world.run(5s);
    world.node(3).dead = true;
    world.run(5s);
    return world.trace;
  };
  EXPECT_EQ(trace(11), trace(11));
  EXPECT_NE(trace(11), trace(12));
}

gossip::Meta of_a_master() {
  gossip::Meta meta;
  meta.master = true;
  return meta;
}

std::vector<LeaderHeard> heard(const SwimNet::Node& n) {
  std::vector<LeaderHeard> all;
  for (const auto& [at, effect] : n.log) {
    if (const auto* one = std::get_if<LeaderHeard>(&effect)) all.push_back(*one);
  }
  return all;
}

TEST_F(SwimTest, EveryLivingMemberHearsOnceWhoLeads) {
  net.start_cluster(5);
  ASSERT_TRUE(net.run_until([&] { return net.all_agree(); }, 5s));
  SwimNet::Node& leader = net.node(4);
  leader.swim->set_meta(of_a_master(), net.now);
  net.drain(leader);
  net.run(2s);
  leader.swim->announce_leading(4, net.now);
  net.drain(leader);
  net.run(50ms);
  for (auto& [port, n] : net.nodes) {
    const auto words = heard(n);
    ASSERT_EQ(words.size(), port == 4 ? 0U : 1U) << port;
    if (port == 4) continue;
    EXPECT_EQ(words[0].name, "n4");
    EXPECT_EQ(words[0].term, 4U);
  }
}

TEST(SwimLeading, AThousandMembersAreToldAPartAtATime) {
  constexpr int kMembers = 1000;
  Rng rng{1};
  Instant now{1h};
  gossip::Claim self;
  self.name = "n0";
  self.card = card("n0", {"10.0.0.1", 1});
  Swim swim({}, "test", self, now, rng);
  std::vector<gossip::Claim> members;
  for (std::uint16_t i = 1; i <= kMembers; ++i) {
    gossip::Claim claim;
    claim.name = "n" + std::to_string(i);
    claim.card = card(claim.name, {"10.0.0.2", i});
    members.push_back(std::move(claim));
  }
  swim.resume(members, now);
  swim.announce_leading(9, now);
  std::set<NodeName> told;
  const Instant end = now + 50ms;
  while (swim.deadline() <= end) {
    now = swim.deadline();
    swim.tick(now);
    std::size_t at_once = 0;
    for (const SwimEffect& effect : swim.take_effects()) {
      const auto* sent = std::get_if<SendPacket>(&effect);
      if (sent == nullptr || sent->packet.leads_term == 0) continue;
      EXPECT_EQ(sent->packet.leads_term, 9U);
      EXPECT_TRUE(told.insert(sent->packet.target).second) << "told twice";
      ++at_once;
    }
    EXPECT_LE(at_once, 256U);
  }
  EXPECT_EQ(told.size(), kMembers);
}

TEST_F(SwimTest, NobodyHeedsAMemberThatLeadsWithoutBeingAMaster) {
  net.start_cluster(3);
  ASSERT_TRUE(net.run_until([&] { return net.all_agree(); }, 5s));
  net.node(2).swim->announce_leading(4, net.now);
  net.drain(net.node(2));
  net.run(1s);
  EXPECT_TRUE(heard(net.node(1)).empty());
}

}  // namespace
}  // namespace muster::health
