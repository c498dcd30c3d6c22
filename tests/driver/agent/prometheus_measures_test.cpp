#include "agent/prometheus_measures.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

struct MeasuresTest : testing::Test {
  collector::Instruments instruments;
  Measures measures{instruments};
  View view;

  // The line of one series, "" without it.
  std::string line(const std::string& series) {
    const std::string text = "\n" + instruments.text();
    const std::size_t at = text.find("\n" + series + " ");
    if (at == std::string::npos) return "";
    return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  }
};

TEST_F(MeasuresTest, WhatMembershipCountsIsCountedOnAndNeverTwice) {
  view.gossip.probes = 5;
  view.flaps = 1;
  measures.measure(view, 0);
  measures.measure(view, 0);
  view.gossip.probes = 7;
  view.gossip.hints = 2;
  measures.measure(view, 0);
  EXPECT_EQ(line("muster_gossip_probes_total"), "muster_gossip_probes_total 7");
  EXPECT_EQ(line("muster_gossip_hints_total"), "muster_gossip_hints_total 2");
  EXPECT_EQ(line("muster_member_flaps_total"), "muster_member_flaps_total 1");
}

TEST_F(MeasuresTest, DroppedMessagesAreAddedToThoseThatTheDriverHasDropped) {
  const std::string series = "muster_gossip_dropped_total{reason=\"wrong-version\"}";
  instruments.count("muster_gossip_dropped_total", {{"reason", "wrong-version"}}, 3);
  view.gossip.wrong_version = 2;
  measures.measure(view, 0);
  EXPECT_EQ(line(series), series + " 5");
  instruments.count("muster_gossip_dropped_total", {{"reason", "wrong-version"}});
  measures.measure(view, 0);
  EXPECT_EQ(line(series), series + " 6");
}

TEST_F(MeasuresTest, EveryReasonIsThereFromTheFirstScrape) {
  measures.measure(view, 0);
  for (const char* reason : {"foreign-cluster", "wrong-version", "misaddressed", "refused-claim"}) {
    const std::string series =
        "muster_gossip_dropped_total{reason=\"" + std::string(reason) + "\"}";
    EXPECT_EQ(line(series), series + " 0");
  }
}

TEST_F(MeasuresTest, OwnHealthIsAGauge) {
  view.health_score = 3;
  measures.measure(view, 0);
  EXPECT_EQ(line("muster_gossip_health_score"), "muster_gossip_health_score 3");
}

TEST_F(MeasuresTest, WhatIsShownOfMastersIsMeasured) {
  const auto state = std::make_shared<ClusterState>();
  state->certificates["n2"].expires = WallTime(std::chrono::milliseconds(1500));
  MasterView master;
  master.last = 12;
  master.state = state;
  for (const char* name : {"n1", "n2", "n3"}) {
    ServerView server;
    server.name = name;
    server.voter = server.name != "n3";
    master.servers.push_back(std::move(server));
  }
  master.servers[1].match = 9;
  master.servers[1].last_contact = Instant{};
  view.self.name = "n1";
  view.clock = {Instant{}, WallTime(std::chrono::seconds(40))};
  view.now = WallTime(std::chrono::seconds(42));
  view.master = std::make_shared<const MasterView>(master);
  measures.measure(view, 0);
  EXPECT_EQ(line("muster_raft_last_index"), "muster_raft_last_index 12");
  const auto of = [&](const std::string& metric, const std::string& name) {
    return line(metric + "{master=\"" + name + "\"}");
  };
  EXPECT_TRUE(of("muster_master_vote", "n2").ends_with(" 1"));
  EXPECT_TRUE(of("muster_master_vote", "n3").ends_with(" 0"));
  EXPECT_TRUE(of("muster_master_lag_entries", "n1").ends_with(" 0"));
  EXPECT_TRUE(of("muster_master_lag_entries", "n2").ends_with(" 3"));
  EXPECT_EQ(of("muster_master_lag_entries", "n3"), "") << "nobody knows";
  EXPECT_TRUE(of("muster_master_last_contact_seconds", "n2").ends_with(" 2"));
  EXPECT_TRUE(of("muster_master_certificate_expiry_timestamp_seconds", "n2").ends_with(" 1.5"));
}

TEST_F(MeasuresTest, AMasterThatWasTakenAwaySaysNothingAsOne) {
  const auto state = std::make_shared<ClusterState>();
  state->certificates["n2"].expires = WallTime(std::chrono::milliseconds(1500));
  state->workloads["web"];
  MasterView master;
  master.state = state;
  master.servers.resize(1);
  master.servers[0].name = "n2";
  master.servers[0].last_contact = Instant{};
  view.self.name = "n1";
  measures.measure(view, 0);
  const std::string before = instruments.text();
  view.master = std::make_shared<const MasterView>(master);
  measures.measure(view, 0);
  EXPECT_NE(line("muster_raft_term"), "");
  EXPECT_NE(instruments.text(), before);
  view.master = nullptr;
  measures.measure(view, 0);
  EXPECT_EQ(instruments.text(), before);
}

TEST_F(MeasuresTest, TheOwnCertificatesEndIsThereWhereThereIsACertificate) {
  const std::string name = "muster_certificate_expiry_timestamp_seconds";
  measures.measure(view, 0);
  EXPECT_EQ(line(name), "");
  view.certificate_ends = WallTime(std::chrono::seconds(1700));
  measures.measure(view, 0);
  EXPECT_EQ(line(name), name + " 1700");
}

TEST_F(MeasuresTest, CommandsAreCountedByTheirKindOnMasters) {
  measures.measure(view, 0);
  MasterView master;
  master.state = std::make_shared<ClusterState>();
  master.commands[CommandBody(NodeUp{}).index()] = 3;
  view.master = std::make_shared<const MasterView>(master);
  measures.measure(view, 0);
  measures.measure(view, 0);
  ++master.commands[CommandBody(NodeUp{}).index()];
  ++master.commands[CommandBody(PutKey{}).index()];
  view.master = std::make_shared<const MasterView>(master);
  measures.measure(view, 0);
  const std::string name = "muster_commands_total";
  EXPECT_EQ(line(name + "{kind=\"node-up\"}"), name + "{kind=\"node-up\"} 4");
  EXPECT_EQ(line(name + "{kind=\"put-key\"}"), name + "{kind=\"put-key\"} 1");
  EXPECT_EQ(line(name + "{kind=\"node-left\"}"), "");

  view.master = nullptr;  // it is taken away, and made one again
  measures.measure(view, 0);
  master.commands = {};
  master.commands[CommandBody(NodeUp{}).index()] = 1;
  view.master = std::make_shared<const MasterView>(master);
  measures.measure(view, 0);
  EXPECT_EQ(line(name + "{kind=\"node-up\"}"), name + "{kind=\"node-up\"} 5");
}

TEST_F(MeasuresTest, PacketsAreCountedByDirectionAndKind) {
  const PacketCounters sent(instruments, "sent");
  gossip::Packet packet;
  packet.kind = gossip::PacketKind::NameReply;
  sent.count(packet);
  packet.kind = gossip::PacketKind::Ping;
  sent.count(packet);
  sent.count(packet);
  const std::string ping = "muster_gossip_packets_total{direction=\"sent\",kind=\"ping\"}";
  const std::string reply = "muster_gossip_packets_total{direction=\"sent\",kind=\"name_reply\"}";
  EXPECT_EQ(line(ping), ping + " 2");
  EXPECT_EQ(line(reply), reply + " 1");
}

}  // namespace
}  // namespace muster::agent
