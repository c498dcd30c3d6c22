#include <gtest/gtest.h>

#include "health/swim.h"
#include "tests/unit/health/swim_net.h"

namespace muster::health {
namespace {

// Claims told to n1 as if n2 had sent them.
struct SwimClaims : SwimTest {
  void SetUp() override { ASSERT_TRUE(settle(5)); }
  static gossip::Claim claim(MemberState state, const NodeName& name, std::uint64_t incarnation) {
    gossip::Claim claim;
    claim.state = state;
    claim.name = name;
    claim.incarnation = incarnation;
    if (state != MemberState::Alive) claim.accuser = "n2";
    return claim;
  }
  static gossip::Packet packet(const NodeName& from, gossip::PacketKind kind) {
    gossip::Packet packet;
    packet.kind = kind;
    packet.cluster = fnv1a64("test");
    packet.from = from;
    packet.target = "n1";
    return packet;
  }
  void tell(const gossip::Claim& claim) {
    gossip::Packet gossip = packet("n2", gossip::PacketKind::Gossip);
    gossip.claims = {claim};
    swim().on_packet(net.node(2).address, gossip, net.now);
  }
  void tell_in_a_table(gossip::Claim claim) {
    gossip::Sync sync;
    sync.cluster = fnv1a64("test");
    sync.from = "n2";
    if (claim.card == nullptr) claim.card = swim().members().at(claim.name).card;
    sync.members = {claim};
    swim().on_sync_request(1, sync, net.now);
  }
  Swim& swim() { return *net.node(1).swim; }
  MemberState state(const NodeName& name) { return swim().members().at(name).state; }
  std::vector<gossip::Packet> sent() {
    std::vector<gossip::Packet> packets;
    for (const SwimEffect& effect : swim().take_effects()) {
      if (const auto* send = std::get_if<SendPacket>(&effect)) packets.push_back(send->packet);
    }
    return packets;
  }
};

TEST_F(SwimClaims, AnOldIncarnationChangesNothing) {
  tell(claim(MemberState::Failed, "n3", 4));
  EXPECT_EQ(state("n3"), MemberState::Failed);
  for (const std::uint64_t incarnation : {0U, 4U}) {
    gossip::Claim old = claim(MemberState::Alive, "n3", incarnation);
    old.card = card(old.name, net.node(3).address);
    tell(old);
    EXPECT_EQ(state("n3"), MemberState::Failed) << incarnation;
  }
  gossip::Claim back = claim(MemberState::Alive, "n3", 5);
  back.card = card(back.name, net.node(3).address);
  tell(back);
  EXPECT_EQ(state("n3"), MemberState::Alive);
  tell(claim(MemberState::Suspect, "n3", 4));
  tell(claim(MemberState::Failed, "n3", 4));
  EXPECT_EQ(state("n3"), MemberState::Alive);
}

TEST_F(SwimClaims, ALivingMembersAddressIsNotTakenFromIt) {
  gossip::Claim thief = claim(MemberState::Alive, "n3", 9);
  thief.card = card(thief.name, {"10.0.0.1", 99});
  tell(thief);
  tell(thief);
  EXPECT_EQ(swim().members().at("n3").gossip(), net.node(3).address);
  EXPECT_EQ(swim().members().at("n3").incarnation, 0U);
  int conflicts = 0;  // said once, not once a packet
  for (const SwimEffect& effect : swim().take_effects()) {
    conflicts += std::holds_alternative<Conflict>(effect) ? 1 : 0;
  }
  EXPECT_EQ(conflicts, 1);
}

TEST_F(SwimClaims, OneForgedClaimDoesNotUseUpAName) {
  tell(claim(MemberState::Failed, "n3", std::uint64_t{1} << 62));
  tell(claim(MemberState::Suspect, "n1", std::uint64_t{1} << 62));
  EXPECT_EQ(state("n3"), MemberState::Alive);
  EXPECT_EQ(swim().members().self().incarnation, 0U);
  EXPECT_EQ(swim().counters().refused_claims, 2U);
  tell(claim(MemberState::Suspect, "n1", std::uint64_t{1} << 32));  // can be refuted by everybody
  EXPECT_EQ(swim().members().self().incarnation, (std::uint64_t{1} << 32) + 1);
}

TEST_F(SwimClaims, ASuspicionOfAHigherIncarnationStartsItsOwnTime) {
  tell(claim(MemberState::Suspect, "n3", 0));
  const Duration most =
      suspicion_max(suspicion_min(net.options.suspicion_mult, 5, net.options.probe_interval),
                    net.options.suspicion_max_mult);
  net.node(3).dead = true;
  net.now += most - 10ms;  // nobody ticks: the suspicion has nearly run out
  gossip::Claim again = claim(MemberState::Suspect, "n3", 1);
  again.accuser = "n4";
  tell(again);
  net.now += 20ms;
  swim().tick(net.now);
  EXPECT_EQ(state("n3"), MemberState::Suspect);
}

TEST_F(SwimClaims, WhoeverMissedOurRefutationIsToldAgain) {
  tell(claim(MemberState::Suspect, "n1", 0));  // refuted with incarnation 1
  net.drain(net.node(1));
  net.run(5s);  // ... of which nobody talks any more
  ASSERT_EQ(swim().members().self().incarnation, 1U);
  for (const MemberState old : {MemberState::Suspect, MemberState::Failed}) {
    net.run(5s);
    gossip::Packet ping = packet("n2", gossip::PacketKind::Ping);
    ping.claims = {claim(old, "n1", 0)};
    swim().on_packet(net.node(2).address, ping, net.now);
    bool told = false;
    for (const gossip::Packet& answer : sent()) {
      for (const gossip::Claim& one : answer.claims) {
        told =
            told || (one.name == "n1" && one.state == MemberState::Alive && one.incarnation == 1);
      }
    }
    EXPECT_TRUE(told);
    EXPECT_EQ(swim().members().self().incarnation, 1U);  // once refuted is enough
  }
}

TEST_F(SwimClaims, AFailureInATableIsOnlyASuspicion) {
  tell_in_a_table(claim(MemberState::Failed, "n3", 0));
  EXPECT_EQ(state("n3"), MemberState::Suspect);
  tell_in_a_table(claim(MemberState::Left, "n4", 0));
  EXPECT_EQ(state("n4"), MemberState::Left);
}

TEST_F(SwimClaims, ATombstoneOfSomebodyForgottenIsNotLearnedAgain) {
  gossip::Claim old = claim(MemberState::Failed, "n9", 0);
  old.card = card(old.name, {"10.0.0.1", 99});
  tell_in_a_table(old);
  EXPECT_FALSE(swim().members().contains("n9"));
}

TEST_F(SwimClaims, WhoeverIsNotAliveToUsHearsItWithTheAck) {
  tell(claim(MemberState::Failed, "n3", 0));
  for (int i = 0; i < 100; ++i) {  // until the claim has been passed on often enough
    net.now = std::max(net.now, swim().deadline());
    swim().tick(net.now);
  }
  static_cast<void>(sent());
  swim().on_packet(net.node(3).address, packet("n3", gossip::PacketKind::Ping), net.now);
  const std::vector<gossip::Packet> answers = sent();
  ASSERT_EQ(answers.size(), 1U);
  ASSERT_FALSE(answers[0].claims.empty());
  EXPECT_EQ(answers[0].claims[0].name, "n3");
  EXPECT_EQ(answers[0].claims[0].state, MemberState::Failed);
}

TEST_F(SwimClaims, AHintAsksTheMemberAndRelaysAtTheSameTime) {
  for (int i = 0; i < 2; ++i) {  // the second hint finds the probe under way
    swim().hint_unreachable("n3", net.now);
    int pings = 0;
    int relayed = 0;
    for (const gossip::Packet& one : sent()) {
      pings += one.kind == gossip::PacketKind::Ping ? 1 : 0;
      relayed += one.kind == gossip::PacketKind::IndirectPing ? 1 : 0;
    }
    EXPECT_EQ(pings, i == 0 ? 1 : 0);
    EXPECT_EQ(relayed, i == 0 ? 3 : 0);
  }
}

TEST_F(SwimClaims, WhoeverHearsOfASuspicionLooksForItselfAtOnce) {
  tell(claim(MemberState::Suspect, "n3", 0));
  const Instant until = net.now + 20ms;
  int pings = 0;
  while (swim().deadline() <= until) {
    net.now = std::max(net.now, swim().deadline());
    swim().tick(net.now);
    for (const gossip::Packet& one : sent()) {
      pings += one.kind == gossip::PacketKind::Ping && one.target == "n3" ? 1 : 0;
    }
  }
  EXPECT_EQ(pings, 1);
}

TEST_F(SwimClaims, ARelayPingsOnlyWhomItKnowsAndSaysSoInTime) {
  gossip::Packet request = packet("n2", gossip::PacketKind::IndirectPing);
  request.sequence = 41;
  request.target = "n9";
  request.target_address = {"10.9.9.9", 53};
  swim().on_packet(net.node(2).address, request, net.now);
  std::vector<gossip::Packet> out = sent();
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].kind, gossip::PacketKind::Nack);
  EXPECT_EQ(out[0].sequence, 41U);
  request.target = "n3";
  swim().on_packet(net.node(2).address, request, net.now);
  out = sent();
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].kind, gossip::PacketKind::Ping);
  const Instant until = net.now + 100ms;
  int nacks = 0;
  while (swim().deadline() <= until) {
    net.now = std::max(net.now, swim().deadline());
    swim().tick(net.now);
    for (const gossip::Packet& one : sent()) nacks += one.kind == gossip::PacketKind::Nack ? 1 : 0;
  }
  EXPECT_EQ(nacks, 1);
}

TEST_F(SwimTest, AnotherClustersPacketsAndTablesAreDroppedAndCounted) {
  ASSERT_TRUE(settle(2));
  Swim& swim = *net.node(1).swim;
  gossip::Packet packet;
  packet.cluster = fnv1a64("other");
  packet.from = "n2";
  packet.claims.resize(1);
  packet.claims[0].state = MemberState::Failed;
  packet.claims[0].name = "n2";
  packet.claims[0].accuser = "n9";
  swim.on_packet(net.node(2).address, packet, net.now);
  gossip::Sync sync;
  sync.cluster = fnv1a64("other");
  sync.members = packet.claims;
  swim.on_sync_request(77, sync, net.now);
  EXPECT_EQ(swim.counters().foreign_cluster, 2U);
  EXPECT_EQ(swim.members().at("n2").state, MemberState::Alive);
  bool answered = false;
  for (const SwimEffect& effect : swim.take_effects()) {
    const auto* answer = std::get_if<AnswerSync>(&effect);
    if (answer == nullptr) continue;
    answered = true;
    EXPECT_TRUE(answer->sync.members.empty());
  }
  EXPECT_TRUE(answered);
}

TEST_F(SwimTest, AbsurdClaimsAreRefused) {
  ASSERT_TRUE(settle(2));
  Swim& swim = *net.node(1).swim;
  gossip::Packet packet;
  packet.cluster = fnv1a64("test");
  packet.from = "n2";
  packet.claims.resize(2);
  packet.claims[0].state = MemberState::Suspect;
  packet.claims[0].name = "n1";
  packet.claims[0].incarnation = UINT64_MAX;
  packet.claims[1].name = "NOT A NAME";
  packet.claims[1].card = card(packet.claims[1].name, {"10.0.0.1", 99});
  swim.on_packet(net.node(2).address, packet, net.now);
  EXPECT_EQ(swim.counters().refused_claims, 2U);
  EXPECT_EQ(swim.members().size(), 2U);
  EXPECT_EQ(swim.members().at("n1").incarnation, 0U);
}

TEST_F(SwimTest, InventedNamesDoNotGrowTheTableWithoutEnd) {
  net.start_cluster(1);
  Swim& swim = *net.node(1).swim;
  gossip::Sync sync;
  sync.cluster = fnv1a64("test");
  sync.from = "x";
  for (std::size_t i = 0; i < kMembersMax + 10; ++i) {
    gossip::Claim claim;
    claim.name = "x" + std::to_string(i);
    claim.card = card(claim.name, {"10.0.0.1", 99});
    sync.members.push_back(claim);
  }
  swim.on_sync_request(1, sync, net.now);
  EXPECT_EQ(swim.members().size(), kMembersMax);
  EXPECT_EQ(swim.counters().refused_claims, 11U);
}

TEST_F(SwimTest, ALoopThatIsLateReadsItsSocketBeforeItJudges) {
  for (const Duration late : {Duration(60ms), Duration(150ms), Duration(330ms)}) {
    SwimNet world{3};
    world.start_cluster(2);
    world.run(3s);
    Swim& swim = *world.node(1).swim;
    while (!swim.take_effects().empty()) {
    }
    // The ping is out and its answer lies unread while the loop sleeps through the deadline.
    swim.hint_unreachable("n2", world.now);
    const Instant ends = world.now + world.options.probe_interval;
    std::uint32_t sequence = 0;
    for (const SwimEffect& effect : swim.take_effects()) {
      if (const auto* sent = std::get_if<SendPacket>(&effect)) sequence = sent->packet.sequence;
    }
    while (swim.deadline() < ends) swim.tick(swim.deadline());
    swim.tick(ends + late);
    gossip::Packet ack;
    ack.kind = gossip::PacketKind::Ack;
    ack.cluster = fnv1a64("test");
    ack.sequence = sequence;
    ack.from = "n2";
    swim.on_packet(world.node(2).address, ack, ends + late + 1ms);
    swim.tick(ends + late + late);
    EXPECT_EQ(swim.members().at("n2").state, MemberState::Alive) << seconds(late);
    EXPECT_EQ(swim.counters().probes_failed, 0U);
  }
}

TEST_F(SwimTest, ALoopThatIsAlwaysALittleLateStillJudges) {
  ASSERT_TRUE(settle(3));
  Swim& swim = *net.node(1).swim;  // driven alone: nobody answers any more
  for (int i = 0; i < 200; ++i) {
    const Instant due = swim.deadline();
    net.now = std::max(net.now, due) + 60ms;
    swim.tick(net.now);
    static_cast<void>(swim.take_effects());
  }
  EXPECT_EQ(swim.members().at("n2").state, MemberState::Failed);
}

TEST_F(SwimTest, ALiveMemberRefutesASuspicionWithAHigherIncarnation) {
  ASSERT_TRUE(settle(5));
  gossip::Claim lie;
  lie.state = MemberState::Suspect;
  lie.name = "n3";
  lie.accuser = "n2";
  gossip::Packet packet;
  packet.cluster = fnv1a64("test");
  packet.from = "n2";
  packet.claims = {lie};
  net.node(1).swim->on_packet(net.node(2).address, packet, net.now);
  net.drain(net.node(1));
  EXPECT_EQ(net.node(1).swim->members().at("n3").state, MemberState::Suspect);
  EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 300ms));
  net.run(4s);
  EXPECT_EQ(net.count(MemberState::Failed), 0);
  EXPECT_EQ(net.node(1).swim->members().at("n3").incarnation, 1U);
  // The same lie is old news now.
  net.node(1).swim->on_packet(net.node(2).address, packet, net.now);
  EXPECT_EQ(net.node(1).swim->members().at("n3").state, MemberState::Alive);
}

TEST_F(SwimTest, AMemberDeclaredFailedByMistakeIsBackAtOnce) {
  ASSERT_TRUE(settle(5));
  gossip::Packet packet;
  packet.cluster = fnv1a64("test");
  packet.from = "n2";
  packet.claims.resize(1);
  packet.claims[0].state = MemberState::Failed;
  packet.claims[0].name = "n3";
  packet.claims[0].accuser = "n2";
  net.node(1).swim->on_packet(net.node(2).address, packet, net.now);
  net.drain(net.node(1));
  EXPECT_EQ(net.node(1).swim->members().at("n3").state, MemberState::Failed);
  EXPECT_TRUE(net.run_until([&] { return net.all_agree(); }, 500ms));
}

}  // namespace
}  // namespace muster::health
