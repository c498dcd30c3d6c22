#include "agent/config.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

Config valid() {
  Config config;
  config.node.name = "n1";
  config.masters = {{"n1", {"127.0.0.1", 7947}, {}}};
  return config;
}

Config with_masters(std::size_t count) {
  Config config = valid();
  for (std::size_t i = 1; i < count; ++i) {
    const std::string number = std::to_string(i + 1);
    config.masters.push_back({"n" + number, {"127.0.0." + number, 7947}, {}});
  }
  return config;
}

std::string first(const Config& config) {
  const auto errors = check(config);
  return errors.empty() ? "" : errors.front().text;
}

TEST(Config, DefaultsWithANameAndItselfAsMasterAreValid) {
  EXPECT_EQ(first(valid()), "");
  EXPECT_EQ(first(with_masters(3)), "");
  EXPECT_EQ(first(with_masters(5)), "");
}

TEST(Config, RefusesNumbersOfMastersThatBuyNothing) {
  EXPECT_EQ(first(with_masters(2)),
            "masters: 2 are listed, but two masters survive no loss: list 1, 3 or 5");
  EXPECT_EQ(
      first(with_masters(4)),
      "masters: 4 are listed, but four masters survive no more losses than three: list 1, 3 or "
      "5");
  EXPECT_EQ(
      first(with_masters(7)),
      "masters: 7 are listed, but more than five only make every write slower: list 1, 3 or 5");
  Config none = valid();
  none.masters.clear();
  EXPECT_EQ(first(none), "masters: is missing: list 1, 3 or 5 masters, the same on every node");
}

TEST(Config, RefusesMastersThatShareANameOrAnAddress) {
  Config config = with_masters(3);
  config.masters[2].name = "n2";
  EXPECT_EQ(first(config), "masters[2].name: n2 is listed twice");
  config = with_masters(3);
  config.masters[2].rpc = config.masters[1].rpc;
  EXPECT_EQ(first(config), "masters[2].rpc: \"127.0.0.2:7947\" is that of n2 too");
}

TEST(Config, RefusesTheListOfMastersOfAnotherNode) {
  Config config = with_masters(3);
  config.listen.address = "127.0.0.9";
  EXPECT_EQ(first(config),
            "masters[0].rpc: \"127.0.0.1:7947\" is not where this node, n1, takes RPC: that is "
            "127.0.0.9:7947 (node.address or listen.address, and listen.rpc_port)");
  config = with_masters(3);
  config.node.name = "n7";
  EXPECT_EQ(first(config),
            "masters[0].name: \"n1\" has the RPC address of this node, 127.0.0.1:7947, but this "
            "node's name is \"n7\": correct node.name or the list");
}

TEST(Config, TakesAMastersEntryAtTheAdvertisedAddress) {
  Config config = valid();
  config.insecure = true;
  config.listen.address = "0.0.0.0";
  EXPECT_EQ(first(config),
            "node.address: is missing: others cannot connect to 0.0.0.0, the listen.address");
  config.node.address = "node-1.example.com";
  config.masters[0].rpc.host = "node-1.example.com";
  EXPECT_EQ(first(config), "");
}

TEST(Config, ListensBeyondLoopbackOnlyWhenToldThatThisIsInsecure) {
  Config config = valid();
  config.listen.address = "192.0.2.1";
  EXPECT_NE(first(config).find("pass --insecure"), std::string::npos);
  EXPECT_EQ(check(config).size(), 1U);  // not also that the masters' list is another node's
  config.insecure = true;
  config.masters[0].rpc.host = "192.0.2.1";
  EXPECT_EQ(first(config), "");
  for (const char* bad : {"localhost", "127.0.0.1.example.com", "127.1", "127.0.0.256", "::1", "",
                          "127.0.0.01", "127.0.0.1 "}) {
    config.listen.address = bad;
    EXPECT_EQ(first(config).find("listen.address: \""), 0U) << bad;
  }
}

TEST(Config, ThePortForMetricsIsOpenBeyondLoopbackOnlyToWhoProvesSomething) {
  Config config = valid();
  EXPECT_FALSE(config.door_must_prove());
  config.metrics.listen = {"127.0.0.5", 9100};
  EXPECT_EQ(first(config), "");
  EXPECT_FALSE(config.door_must_prove());
  config.metrics.listen.host = "0.0.0.0";
  EXPECT_TRUE(config.door_must_prove());
  EXPECT_EQ(first(config).find("metrics.listen: 0.0.0.0 can be reached from outside"), 0U);
  config.metrics.web_config = "/etc/muster/web.yml";  // says who
  EXPECT_EQ(first(config), "");
  config.metrics.web_config.clear();
  config.insecure = true;
  EXPECT_EQ(first(config), "");
  EXPECT_FALSE(config.door_must_prove());
  config.metrics.listen.host = "localhost";
  EXPECT_EQ(first(config).find("metrics.listen: \"localhost\" is not a numeric"), 0U);
}

TEST(Config, AWebConfigNeedsAPortAndAnAbsolutePath) {
  Config config = valid();
  config.metrics.web_config = "/etc/muster/web.yml";
  EXPECT_EQ(first(config).find("metrics.web_config: is of no use without metrics.listen"), 0U);
  config.metrics.listen = {"127.0.0.1", 9100};
  config.metrics.web_config = "web.yml";
  EXPECT_EQ(first(config), "metrics.web_config: \"web.yml\" is not an absolute path");
}

struct BadValue {
  const char* path;
  std::function<void(Config&)> change;
};

TEST(Config, RefusesEveryValueOutOfItsBoundsByPath) {
  const BadValue cases[] = {
      {"cluster", [](Config& c) { c.cluster = "Has Blanks"; }},
      {"node.name", [](Config& c) { c.node.name = "a_b"; }},
      {"node.zone", [](Config& c) { c.node.zone = "a\nb"; }},
      {"node.labels.zone", [](Config& c) { c.node.labels["zone"] = "x"; }},
      {"node.labels.a b", [](Config& c) { c.node.labels["a b"] = "x"; }},
      {"node.labels.a", [](Config& c) { c.node.labels["a"] = ""; }},
      {"node.address", [](Config& c) { c.node.address = "a b"; }},
      {"data_dir", [](Config& c) { c.data_dir = "relative"; }},
      {"listen.rpc_port", [](Config& c) { c.listen.rpc_port = 0; }},
      {"listen.http_port", [](Config& c) { c.listen.http_port = c.listen.gossip_port; }},
      {"metrics.listen",
       [](Config& c) {
         c.metrics.listen = {c.listen.address, c.listen.http_port};
       }},
      {"join[0]",
       [](Config& c) {
         c.join = {{"bad host", 1}};
       }},
      {"masters[0].gossip",
       [](Config& c) {
         c.masters[0].gossip = {"127.0.0.1", 1};
       }},
      {"resources.memory", [](Config& c) { c.resources.memory_bytes = ~std::uint64_t{0}; }},
      {"membership.profile", [](Config& c) { c.membership.profile = "moon"; }},
      {"membership.probe_interval", [](Config& c) { c.membership.swim.probe_interval = 1h; }},
      {"membership.probe_timeout", [](Config& c) { c.membership.swim.probe_timeout = 200ms; }},
      {"membership.suspicion_mult", [](Config& c) { c.membership.swim.suspicion_mult = 1; }},
      {"membership.gossip_interval", [](Config& c) { c.membership.swim.gossip_interval = 1ms; }},
      {"membership.indirect_checks", [](Config& c) { c.membership.swim.indirect_checks = 17; }},
      {"membership.suspicion_max_mult",
       [](Config& c) { c.membership.swim.suspicion_max_mult = 0; }},
      {"membership.gossip_fanout", [](Config& c) { c.membership.swim.gossip_fanout = 0; }},
      {"membership.retransmit_mult", [](Config& c) { c.membership.swim.retransmit_mult = 21; }},
      {"membership.push_pull_interval",
       [](Config& c) { c.membership.swim.push_pull_interval = 2h; }},
      {"membership.reconnect_interval",
       [](Config& c) { c.membership.swim.reconnect_interval = 0s; }},
      {"membership.join_retry", [](Config& c) { c.membership.swim.join_retry = 11s; }},
      {"membership.join_retry_max", [](Config& c) { c.membership.swim.join_retry_max = 1h; }},
      {"membership.tombstone", [](Config& c) { c.membership.swim.tombstone = 1s; }},
      {"consensus.election_timeout", [](Config& c) { c.consensus.election_timeout = 449ms; }},
      {"identity.certificate_life", [](Config& c) { c.identity.certificate_life = 9s; }},
      {"identity.certificate_life", [](Config& c) { c.identity.certificate_life = 87601h; }},
      {"alerts.receivers[0].name",
       [](Config& c) {
         c.alerts.receivers = {{"", "http://a", {}}};
       }},
      {"alerts.receivers[0].url",
       [](Config& c) {
         c.alerts.receivers = {{"a", "ftp://a", {}}};
       }},
      {"alerts.receivers[0].url",
       [](Config& c) {
         c.alerts.receivers = {{"a", "http://", {}}};
       }},
      {"alerts.receivers[0].headers.A",
       [](Config& c) {
         c.alerts.receivers = {{"a", "http://a", {{"A", "b\r\nC: d"}}}};
       }},
      {"alerts.receivers[1].name",
       [](Config& c) {
         c.alerts.receivers = {{"a", "http://a", {}}, {"a", "http://b", {}}};
       }},
      {"alerts.repeat_interval", [](Config& c) { c.alerts.repeat_interval = 1s; }},
      {"logs.max_bytes", [](Config& c) { c.logs.max_bytes = 10; }},
      {"history.interval", [](Config& c) { c.history.interval = 10ms; }},
      {"history.keep", [](Config& c) { c.history.keep = 1s; }},
      {"history.downsample_after", [](Config& c) { c.history.downsample_after = 1s; }},
      {"history.max_bytes", [](Config& c) { c.history.max_bytes = 4096; }},
      {"logs.keep", [](Config& c) { c.logs.keep = 0; }},
      {"log.level", [](Config& c) { c.log.level = "or"; }},
      {"log.format", [](Config& c) { c.log.format = "xml"; }},
  };
  for (const BadValue& bad : cases) {
    Config config = valid();
    bad.change(config);
    const auto found = problems(config);
    ASSERT_EQ(found.size(), 1U) << bad.path;
    EXPECT_EQ(found[0].path, bad.path);
    EXPECT_NE(found[0].what, "");
  }
}

TEST(Config, DigestOfTheMastersIgnoresTheirOrderAndNothingElse) {
  const Config config = with_masters(3);
  Config other = config;
  std::reverse(other.masters.begin(), other.masters.end());
  other.node.name = "n9";
  EXPECT_EQ(other.masters_digest(), config.masters_digest());
  other.masters[0].rpc.port = 1;
  EXPECT_NE(other.masters_digest(), config.masters_digest());
  other = config;
  other.cluster = "other";
  EXPECT_NE(other.masters_digest(), config.masters_digest());
}

TEST(Config, SeedsAreTheOthersToJoinAndTheMasters) {
  Config config = with_masters(3);
  config.join = {{"127.0.0.2", 7946}, {"127.0.0.8", 7000}, {"127.0.0.1", 7946}};
  config.masters[2].gossip = {"127.0.0.3", 9000};
  const std::vector<Address> expected{
      {"127.0.0.2", 7946}, {"127.0.0.8", 7000}, {"127.0.0.3", 9000}};
  EXPECT_EQ(config.seeds(), expected);
  EXPECT_TRUE(config.is_master());
  config.node.name = "n8";
  EXPECT_FALSE(config.is_master());
}

}  // namespace
}  // namespace muster::agent
