// Signs of life and of trouble beside the datagrams: stream pings, hints, our own strain.
#include <gtest/gtest.h>

#include "health/swim.h"
#include "tests/unit/health/swim_net.h"

namespace muster::health {
namespace {

TEST_F(SwimTest, AMemberThatOnlyTcpReachesIsNotFailed) {
  for (const bool streams : {true, false}) {
    SwimNet world{11};
    world.start_cluster(5);
    ASSERT_TRUE(world.run_until([&] { return world.all_agree(); }, 5s));
    world.clear_logs();
    world.streams = streams;
    world.no_udp = {3};
    world.run(60s);
    if (streams) {
      EXPECT_EQ(world.count(MemberState::Failed), 0);
      EXPECT_GT(world.node(1).swim->counters().stream_acks, 0U);
    } else {
      EXPECT_GT(world.count(MemberState::Failed), 0);
    }
  }
}

TEST_F(SwimTest, AFrozenMemberIsFailedThoughItsKernelAcceptsStreams) {
  ASSERT_TRUE(settle(5));
  net.node(3).frozen = true;
  EXPECT_TRUE(net.run_until(
      [&] {
        for (const int i : {1, 2, 4, 5}) {
          if (net.node(i).swim->members().at("n3").state != MemberState::Failed) return false;
        }
        return true;
      },
      3s));
}

TEST_F(SwimTest, AStreamAckOfAnotherMemberOrSequenceProvesNothing) {
  ASSERT_TRUE(settle(5));
  Swim& swim = *net.node(1).swim;
  swim.hint_unreachable("n3", net.now);
  std::uint32_t sequence = 0;
  for (const SwimEffect& effect : swim.take_effects()) {
    if (const auto* ping = std::get_if<StartStreamPing>(&effect)) sequence = ping->sequence;
  }
  gossip::Packet ack;
  ack.kind = gossip::PacketKind::Ack;
  ack.cluster = fnv1a64("test");
  ack.from = "n2";
  swim.on_stream_ping_ended(sequence, &ack, net.now);
  ack.from = "n3";
  swim.on_stream_ping_ended(sequence + 1, &ack, net.now);
  ack.cluster = 1;
  swim.on_stream_ping_ended(sequence, &ack, net.now);
  EXPECT_EQ(swim.counters().stream_acks, 0U);
  ack.cluster = fnv1a64("test");
  swim.on_stream_ping_ended(sequence, &ack, net.now);
  EXPECT_EQ(swim.counters().stream_acks, 1U);
  swim.on_stream_ping_ended(sequence, &ack, net.now);  // the probe has ended
  EXPECT_EQ(swim.counters().stream_acks, 1U);
}

TEST_F(SwimTest, AStreamPingForAnotherNameIsNotAnswered) {
  ASSERT_TRUE(settle(5));
  Swim& swim = *net.node(1).swim;
  gossip::Packet ping;
  ping.kind = gossip::PacketKind::Ping;
  ping.cluster = fnv1a64("test");
  ping.from = "n2";
  ping.target = "n3";
  static_cast<void>(swim.take_effects());
  swim.on_stream_ping(1, ping, net.now);
  EXPECT_TRUE(swim.take_effects().empty());
  ping.target = "n1";
  swim.on_stream_ping(2, ping, net.now);
  const auto effects = swim.take_effects();
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(std::get<AnswerStreamPing>(effects[0]).exchange, 2U);
  EXPECT_EQ(std::get<AnswerStreamPing>(effects[0]).packet.kind, gossip::PacketKind::Ack);
}

TEST_F(SwimTest, AnIcmpErrorStartsOneProbeOfWhoeverListensThere) {
  ASSERT_TRUE(settle(5));
  Swim& swim = *net.node(1).swim;
  const std::uint64_t before = swim.counters().hints;
  swim.hint_unreachable_at({"10.0.0.9", 3}, net.now);
  EXPECT_EQ(swim.counters().hints, before);
  for (int i = 0; i < 5; ++i) swim.hint_unreachable_at(net.node(3).address, net.now);
  EXPECT_EQ(swim.counters().hints, before + 1);
  int pings = 0;
  int relays = 0;
  int streams = 0;
  for (const SwimEffect& effect : swim.take_effects()) {
    if (const auto* send = std::get_if<SendPacket>(&effect)) {
      EXPECT_EQ(send->packet.target, "n3");
      pings += send->packet.kind == gossip::PacketKind::Ping ? 1 : 0;
      relays += send->packet.kind == gossip::PacketKind::IndirectPing ? 1 : 0;
    }
    streams += std::holds_alternative<StartStreamPing>(effect) ? 1 : 0;
  }
  EXPECT_EQ(pings, 1);
  EXPECT_EQ(relays, 3);
  EXPECT_EQ(streams, 1);
  EXPECT_EQ(swim.members().at("n3").state, MemberState::Alive);
}

TEST_F(SwimTest, SignsOfTroubleDoNotMultiply) {
  // A kill whose every ping draws an ICMP error: few begin probes for it, however many hear.
  SwimNet world{3};
  world.icmp = true;
  world.start_cluster(40);
  ASSERT_TRUE(world.run_until([&] { return world.all_agree(); }, 5s));
  world.run(5s);
  std::uint64_t before = 0;
  for (auto& [port, n] : world.nodes) before += n.swim->counters().hints;
  world.node(7).dead = true;
  ASSERT_TRUE(world.run_until([&] { return world.everywhere("n7", MemberState::Failed); }, 5s));
  std::uint64_t hints = 0;
  for (auto& [port, n] : world.nodes) hints += n.dead ? 0 : n.swim->counters().hints;
  EXPECT_GT(hints, before);
  EXPECT_LE(hints - before, 40U);
}

TEST_F(SwimTest, OurOwnTableReflectedIsNoAnswer) {
  net.start("n1", {{"10.0.0.1", 9}}, 1);
  net.run(1s);  // refused, and to be tried again
  Swim& swim = *net.node(1).swim;
  gossip::Sync question;
  std::uint64_t id = 0;
  while (id == 0) {
    net.now = swim.deadline();
    swim.tick(net.now);
    for (const SwimEffect& effect : swim.take_effects()) {
      if (const auto* start = std::get_if<StartSync>(&effect)) {
        question = start->sync;
        id = start->id;
      }
    }
  }
  swim.on_sync_reply(id, question, net.now);
  EXPECT_FALSE(swim.joined());
}

TEST_F(SwimTest, AFailureTellsWhatWasSentAndWhen) {
  ASSERT_TRUE(settle(5));
  net.node(3).dead = true;
  net.node(1).swim->hint_unreachable_at(net.node(3).address, net.now);
  const Instant hinted = net.now;
  net.drain(net.node(1));
  ASSERT_TRUE(net.run_until([&] { return net.everywhere("n3", MemberState::Failed); }, 3s));
  const Evidence* evidence = nullptr;
  for (const auto& [at, effect] : net.node(1).log) {
    const auto* change = std::get_if<MemberChanged>(&effect);
    if (change != nullptr && change->now.state == MemberState::Suspect) {
      evidence = &change->evidence;
      break;
    }
  }
  ASSERT_NE(evidence, nullptr);
  ASSERT_TRUE(evidence->probe.has_value());
  EXPECT_EQ(evidence->probe->sent, hinted);
  EXPECT_TRUE(evidence->probe->hinted);
  EXPECT_EQ(evidence->probe->relays_asked, hinted);
  EXPECT_EQ(evidence->probe->relays.size(), 3U);
  EXPECT_EQ(evidence->probe->nacks.size(), 3U);
  EXPECT_TRUE(evidence->probe->stream_refused);
  EXPECT_NE(evidence->text.find("own ping 0.20 s ago unanswered"), std::string::npos)
      << evidence->text;
  EXPECT_NE(evidence->text.find("stream ping refused"), std::string::npos) << evidence->text;
  EXPECT_NE(evidence->text.find("nack from"), std::string::npos) << evidence->text;
}

TEST_F(SwimTest, AStrainedMachineDoubtsItselfUntilItIsWell) {
  ASSERT_TRUE(settle(5));
  Swim& swim = *net.node(1).swim;
  EXPECT_EQ(swim.health_score(), 0);
  swim.on_strain(150ms, 0.1);
  net.run(5s);
  EXPECT_EQ(swim.health_score(), 2);  // answered probes do not bring it down
  swim.on_strain(0ms, 0.95);
  net.run(5s);
  EXPECT_EQ(swim.health_score(), 1);
  swim.on_strain(0ms, 0.1);
  net.run(5s);
  EXPECT_EQ(swim.health_score(), 0);
}

}  // namespace
}  // namespace muster::health
