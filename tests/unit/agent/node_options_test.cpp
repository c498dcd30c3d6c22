#include "agent/node_options.h"

#include <gtest/gtest.h>

#include "health/seal_format.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

Config sample() {
  Config config;
  config.cluster = "lab";
  config.node.name = "n1";
  config.node.zone = "a";
  config.node.labels = {{"disk", "ssd"}};
  config.data_dir = "/data";
  config.masters = {{"n1", {"127.0.0.1", 7947}, {"127.0.0.1", 7946}},
                    {"n2", {"127.0.0.1", 8947}, {"127.0.0.1", 8946}},
                    {"n3", {"127.0.0.1", 9947}, {"127.0.0.1", 9946}}};
  return config;
}

const Circumstances kHere{{4000, std::uint64_t{8} << 30}, "boot-1", 42};

TEST(NodeOptions, TheNodeIsDescribedAsItIsConfigured) {
  const NodeOptions options = node_options(sample(), kHere);
  EXPECT_EQ(options.cluster, "lab");
  EXPECT_EQ(options.info.name, "n1");
  EXPECT_EQ(options.info.zone, "a");
  EXPECT_EQ(options.info.labels.at("disk"), "ssd");
  EXPECT_EQ(options.info.rpc, (Address{"127.0.0.1", 7947}));
  EXPECT_EQ(options.info.gossip, (Address{"127.0.0.1", 7946}));
  EXPECT_EQ(options.info.http, (Address{"127.0.0.1", 7948}));
  EXPECT_EQ(options.info.boot, "boot-1");
  EXPECT_EQ(options.info.version, MUSTER_VERSION);
  EXPECT_TRUE(options.info.master);
  EXPECT_TRUE(options.info.takes_workloads);
  EXPECT_EQ(options.seed, 42U);
  EXPECT_EQ(options.log_dir, "/data/logs");
}

TEST(NodeOptions, TheMachineFillsInWhatIsNotConfiguredOneByOne) {
  Config config = sample();
  EXPECT_EQ(node_options(config, kHere).info.capacity, kHere.machine);
  config.resources.cpu_millis = 1500;
  EXPECT_EQ(node_options(config, kHere).info.capacity,
            (Resources{1500, kHere.machine.memory_bytes}));
  config.resources = {0, 1024};
  EXPECT_EQ(node_options(config, kHere).info.capacity, (Resources{4000, 1024}));
}

TEST(NodeOptions, MastersAndSeedsAreThoseOfTheConfiguration) {
  const Config config = sample();
  const NodeOptions options = node_options(config, kHere);
  EXPECT_EQ(options.masters.size(), 3U);
  EXPECT_EQ(options.masters.at("n2"), (Address{"127.0.0.1", 8947}));
  EXPECT_EQ(options.masters_digest, config.masters_digest());
  EXPECT_EQ(options.join, config.seeds());
}

TEST(NodeOptions, ANodeThatIsNotListedIsNoMaster) {
  Config config = sample();
  config.node.name = "w1";
  config.allow_workloads = false;
  const NodeOptions options = node_options(config, kHere);
  EXPECT_FALSE(options.info.master);
  EXPECT_FALSE(options.info.takes_workloads);
}

TEST(NodeOptions, TimesReachTheCoresThatTheyAreFor) {
  Config config = sample();
  config.membership.swim.probe_interval = 1s;
  config.membership.swim.probe_timeout = 300ms;
  config.membership.swim.suspicion_mult = 7;
  config.membership.swim.gossip_interval = 70ms;
  config.consensus.election_timeout = 900ms;
  config.consensus.heartbeat_interval = 90ms;
  config.alerts.group_wait = 3s;
  config.alerts.group_interval = 4s;
  config.alerts.repeat_interval = 5h;
  const NodeOptions options = node_options(config, kHere);
  EXPECT_EQ(options.swim.probe_interval, 1s);
  EXPECT_EQ(options.swim.probe_timeout, 300ms);
  EXPECT_EQ(options.swim.suspicion_mult, 7);
  EXPECT_EQ(options.swim.gossip_interval, 70ms);
  EXPECT_EQ(options.master.raft.election_timeout, 900ms);
  EXPECT_EQ(options.master.raft.heartbeat_interval, 90ms);
  EXPECT_EQ(options.master.quorum_patience, 4500ms);
  EXPECT_EQ(options.master.alerts.group_wait, 3s);
  EXPECT_EQ(options.master.alerts.group_interval, 4s);
  EXPECT_EQ(options.master.alerts.repeat_interval, 5h);
}

TEST(NodeOptions, ReceiversKeepTheirHeaders) {
  Config config = sample();
  config.alerts.receivers = {{"ops", "http://127.0.0.1:1/", {{"Authorization", "Bearer x"}}}};
  const NodeOptions options = node_options(config, kHere);
  ASSERT_EQ(options.master.alerts.receivers.size(), 1U);
  EXPECT_EQ(options.master.alerts.receivers[0].name, "ops");
  EXPECT_EQ(options.master.alerts.receivers[0].headers.size(), 1U);
  EXPECT_EQ(options.master.alerts.external_url, "http://127.0.0.1:7948");
}

TEST(NodeOptions, AProfileIsNamedForPeopleWithWhatOverridesIt) {
  MembershipConfig membership;
  EXPECT_EQ(membership_text(membership), "lan");
  membership.swim.probe_interval = 1s;
  EXPECT_EQ(membership_text(membership), "lan, other than it in probe_interval");
  membership.swim.tombstone = 1h;
  membership.swim.gossip_fanout = 9;
  EXPECT_EQ(membership_text(membership),
            "lan, other than it in probe_interval, gossip_fanout and tombstone");
}

TEST(NodeOptions, ASealedDatagramIsNoLargerThanAPlainOne) {
  Config config = sample();
  const std::size_t plain = node_options(config, kHere).swim.datagram_bytes_max;
  config.gossip.keyring = "/etc/muster/keyring";
  EXPECT_EQ(node_options(config, kHere).swim.datagram_bytes_max + health::kSealOverheadBytes,
            plain);
}

}  // namespace
}  // namespace muster::agent
