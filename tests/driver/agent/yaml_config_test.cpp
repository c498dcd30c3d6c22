#include "agent/yaml_config.h"

#include <gtest/gtest.h>

#include "health/swim_profile.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

constexpr const char* kMinimal =
    "node: {name: n1}\n"
    "masters:\n"
    "  - {name: n1, rpc: \"127.0.0.1:7947\"}\n";

std::string example() { return read_file(EXAMPLES "/muster.yaml"); }

// Takes away each # that no blank follows: what the example says an operator does.
std::string uncommented(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool first =
        out.find_last_not_of(' ') == std::string::npos || out[out.find_last_not_of(' ')] == '\n';
    const bool setting =
        text[i] == '#' && first && i + 1 < text.size() && text[i + 1] != ' ' && text[i + 1] != '\n';
    if (!setting) out += text[i];
  }
  return out;
}

TEST(YamlConfig, TheExampleIsACompleteConfigurationAsItStands) {
  const auto config = parse_config(example(), "muster.yaml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_TRUE(config->is_master());
}

TEST(YamlConfig, TheExampleNamesEveryKey) {
  const auto unset = unset_keys(uncommented(example()));
  ASSERT_TRUE(unset) << unset.error().text;
  EXPECT_EQ(*unset, std::vector<std::string>{});
}

TEST(YamlConfig, TheExampleShowsTheDefaults) {
  const auto config = parse_config(uncommented(example()), "muster.yaml");
  ASSERT_TRUE(config) << config.error().text;
  const Config defaults;
  EXPECT_EQ(config->cluster, defaults.cluster);
  EXPECT_EQ(config->node.address, defaults.listen.address);
  EXPECT_EQ(config->data_dir, defaults.data_dir);
  EXPECT_EQ(config->listen.address, defaults.listen.address);
  EXPECT_EQ(config->listen.gossip_port, defaults.listen.gossip_port);
  EXPECT_EQ(config->listen.rpc_port, defaults.listen.rpc_port);
  EXPECT_EQ(config->listen.http_port, defaults.listen.http_port);
  EXPECT_EQ(config->insecure, defaults.insecure);
  EXPECT_EQ(config->resources, defaults.resources);
  EXPECT_EQ(config->membership.profile, defaults.membership.profile);
  EXPECT_EQ(config->membership.swim, defaults.membership.swim);
  EXPECT_EQ(config->consensus.election_timeout, defaults.consensus.election_timeout);
  EXPECT_EQ(config->consensus.heartbeat_interval, defaults.consensus.heartbeat_interval);
  EXPECT_EQ(config->identity.certificate_life, defaults.identity.certificate_life);
  EXPECT_EQ(config->alerts.group_wait, defaults.alerts.group_wait);
  EXPECT_EQ(config->alerts.group_interval, defaults.alerts.group_interval);
  EXPECT_EQ(config->alerts.repeat_interval, defaults.alerts.repeat_interval);
  EXPECT_EQ(config->logs.max_bytes, defaults.logs.max_bytes);
  EXPECT_EQ(config->logs.keep, defaults.logs.keep);
  EXPECT_EQ(config->history, defaults.history);
  EXPECT_EQ(config->log.level, defaults.log.level);
  EXPECT_EQ(config->log.format, defaults.log.format);
  EXPECT_EQ(config->leave_on_terminate, defaults.leave_on_terminate);
  EXPECT_EQ(config->allow_workloads, defaults.allow_workloads);
}

TEST(YamlConfig, ReadsEveryKeyIntoItsField) {
  const auto config = parse_config(
      "cluster: east\n"
      "node: {name: N2, zone: b, labels: {disk: ssd}, address: 127.0.0.2}\n"
      "data_dir: /tmp/m\n"
      "listen: {address: 0.0.0.0, gossip_port: 1, rpc_port: 2, http_port: 3}\n"
      "join: [\"127.0.0.9:4\"]\n"
      "masters:\n"
      "  - {name: n1, rpc: 127.0.0.1:2, gossip: 127.0.0.1:9}\n"
      "  - {name: n2, rpc: 127.0.0.2:2}\n"
      "  - {name: n3, rpc: 127.0.0.3:2}\n"
      "insecure: true\n"
      "resources: {cpu: 1.5, memory: 2GiB}\n"
      "identity: {certificate_life: 36h}\n"
      "gossip: {keyring: /etc/ring}\n"
      "membership: {profile: lan, probe_interval: 1s, probe_timeout: 500ms, suspicion_mult: 4,\n"
      "             gossip_interval: 200ms}\n"
      "consensus: {election_timeout: 1s, heartbeat_interval: 200ms}\n"
      "alerts:\n"
      "  receivers: [{name: ops, url: \"http://h/x\", headers: {A: b}}]\n"
      "  group_wait: 1s\n"
      "  group_interval: 2s\n"
      "  repeat_interval: 3s\n"
      "logs: {max_bytes: 1MiB, keep: 5}\n"
      "history: {interval: 5s, keep: 2h, downsample_after: 30m, max_bytes: 8MiB}\n"
      "log: {level: debug, format: json}\n"
      "leave_on_terminate: true\n"
      "allow_workloads: false\n",
      "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->cluster, "east");
  EXPECT_EQ(config->node.name, "n2");
  EXPECT_EQ(config->node.zone, "b");
  EXPECT_EQ(config->node.labels.at("disk"), "ssd");
  EXPECT_EQ(config->data_dir, "/tmp/m");
  EXPECT_EQ(config->advertised_gossip(), (Address{"127.0.0.2", 1}));
  EXPECT_EQ(config->advertised_rpc(), (Address{"127.0.0.2", 2}));
  EXPECT_EQ(config->advertised_http(), (Address{"127.0.0.2", 3}));
  EXPECT_EQ(config->seeds(),
            (std::vector<Address>{{"127.0.0.9", 4}, {"127.0.0.1", 9}, {"127.0.0.3", 1}}));
  EXPECT_TRUE(config->is_master());
  EXPECT_TRUE(config->insecure);
  EXPECT_EQ(config->resources, (Resources{1500, std::uint64_t{2} << 30}));
  EXPECT_EQ(config->identity.certificate_life, Duration(36h));
  EXPECT_EQ(config->gossip.keyring, "/etc/ring");
  EXPECT_EQ(config->membership.swim.probe_interval, Duration(1s));
  EXPECT_EQ(config->membership.swim.probe_timeout, Duration(500ms));
  EXPECT_EQ(config->membership.swim.suspicion_mult, 4);
  EXPECT_EQ(config->membership.swim.gossip_interval, Duration(200ms));
  EXPECT_EQ(config->consensus.election_timeout, Duration(1s));
  EXPECT_EQ(config->consensus.heartbeat_interval, Duration(200ms));
  ASSERT_EQ(config->alerts.receivers.size(), 1U);
  EXPECT_EQ(config->alerts.receivers[0].name, "ops");
  EXPECT_EQ(config->alerts.receivers[0].url, "http://h/x");
  EXPECT_EQ(config->alerts.receivers[0].headers.at("A"), "b");
  EXPECT_EQ(config->alerts.group_wait, Duration(1s));
  EXPECT_EQ(config->alerts.group_interval, Duration(2s));
  EXPECT_EQ(config->alerts.repeat_interval, Duration(3s));
  EXPECT_EQ(config->logs.max_bytes, std::uint64_t{1} << 20);
  EXPECT_EQ(config->logs.keep, 5U);
  EXPECT_EQ(config->history, (collector::HistoryOptions{5s, 2h, 30min, std::uint64_t{8} << 20}));
  EXPECT_EQ(config->log.level, "debug");
  EXPECT_EQ(config->log.format, "json");
  EXPECT_TRUE(config->leave_on_terminate);
  EXPECT_FALSE(config->allow_workloads);
}

TEST(YamlConfig, AProfileSetsAllValuesOfMembershipAndEachCanBeOverridden) {
  const auto plain = parse_config(std::string(kMinimal) + "membership: {profile: wan}\n", "f.yaml");
  ASSERT_TRUE(plain) << plain.error().text;
  EXPECT_EQ(plain->membership.swim, health::swim_profile("wan"));
  // Whatever the order in which they are written.
  const auto config = parse_config(
      std::string(kMinimal) +
          "membership:\n"
          "  {probe_interval: 4s, probe_timeout: 2s, indirect_checks: 2, suspicion_mult: 5,\n"
          "   suspicion_max_mult: 7, gossip_interval: 100ms, gossip_fanout: 6,\n"
          "   retransmit_mult: 8, push_pull_interval: 9s, reconnect_interval: 11s,\n"
          "   join_retry: 12ms, join_retry_max: 13s, tombstone: 14h, profile: wan}\n",
      "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  health::SwimOptions expected;
  expected.probe_interval = 4s;
  expected.probe_timeout = 2s;
  expected.indirect_checks = 2;
  expected.suspicion_mult = 5;
  expected.suspicion_max_mult = 7;
  expected.gossip_interval = 100ms;
  expected.gossip_fanout = 6;
  expected.retransmit_mult = 8;
  expected.push_pull_interval = 9s;
  expected.reconnect_interval = 11s;
  expected.join_retry = 12ms;
  expected.join_retry_max = 13s;
  expected.tombstone = 14h;
  EXPECT_EQ(config->membership.swim, expected);
}

struct BadConfig {
  std::string added;  // after kMinimal, which ends on line 3
  const char* problem;
};

TEST(YamlConfig, BadInputIsRefusedWithItsPlaceAndPath) {
  const BadConfig cases[] = {
      {"lissten: {}\n", "f.yaml:4:1: lissten: unknown key, did you mean listen?"},
      {"cluster: a\ncluster: b\n",
       "f.yaml:5:1: cluster: duplicate key, given before at line 4: remove one of them"},
      {"listen:\n  http_port: many\n",
       "f.yaml:5:14: listen.http_port: expected a whole number from 1 to 65535, found \"many\""},
      {"listen: {rpc_port: 7946}\nnode2: x", "f.yaml:5:1: node2: unknown key, did you mean node?"},
      {"log:\n  level: loud\n",
       "f.yaml:5:10: log.level: \"loud\" is not known: write trace, debug, info, warn or error"},
      {"join:\n  - 127.0.0.1\n",
       "f.yaml:5:5: join[0]: \"127.0.0.1\" is not an address: write host:port, port 1 to 65535"},
      {"join: 127.0.0.1:1\n",
       "f.yaml:4:7: join: expected a list of host:port, found \"127.0.0.1:1\""},
      {"membership:\n  probe_timeout: 300ms\n",
       "f.yaml:5:18: membership.probe_timeout: probe_timeout (300ms) must be below "
       "probe_interval (200ms): relays are asked in what is left"},
      {"membership:\n  profile: wan\n  probe_interval: 1s\n",
       "f.yaml:5:3: membership.probe_timeout: probe_timeout (3000ms) must be below probe_interval "
       "(1000ms): relays are asked in what is left"},
      {"membership:\n  join_retry: 20s\n",
       "f.yaml:5:15: membership.join_retry: join_retry (20000ms) must not be above join_retry_max "
       "(10000ms)"},
      {"membership: {profile: moon}\n",
       "f.yaml:4:23: membership.profile: \"moon\" is not known: write lan, wan or local"},
      {"membership:\n  gossip_fanout: 99\n",
       "f.yaml:5:18: membership.gossip_fanout: expected a whole number from 1 to 16, found \"99\""},
      {"membership:\n  tombstone: 30s\n",
       "f.yaml:5:14: membership.tombstone: 30s is not between 1m and 720h"},
      {"membership:\n  probe_interval: 5\n",
       "f.yaml:5:19: membership.probe_interval: \"5\" is not a duration: write a number with its "
       "unit, such as 500ms, 10s, 5m, 1h or 7d"},
      {"alerts:\n  receivers:\n    - name: a\n",
       "f.yaml:6:7: alerts.receivers[0].url: is missing: write http://... or https://..."},
      {"resources: {cpu: lots}\n",
       "f.yaml:4:18: resources.cpu: \"lots\" is not a share of processors: write thousandths of a "
       "core such as 500m, or cores with up to three decimals such as 1.5"},
      {"insecure: yes\n", "f.yaml:4:11: insecure: expected true or false, found \"yes\""},
      {"data_dir:\n", "f.yaml:4:1: data_dir: expected text, found nothing"},
      {"gossip: {keyring: ring}\n",
       "f.yaml:4:19: gossip.keyring: \"ring\" is not an absolute path"},
      {"metrics: {listen: 9100}\n",
       "f.yaml:4:19: metrics.listen: \"9100\" is not an address: write host:port, port 1 to 65535"},
      {"metrics:\n  listen: 0.0.0.0:9100\n",
       "f.yaml:5:11: metrics.listen: 0.0.0.0 can be reached from outside and nobody has to prove "
       "who "
       "they are: write a metrics.web_config with basic_auth_users, or listen on 127.0.0.1"},
      {"metrics: {web_config: /w}\n",
       "f.yaml:4:23: metrics.web_config: is of no use without metrics.listen, whose port it is "
       "about"},
      {"data_dir: here\n", "f.yaml:4:11: data_dir: \"here\" is not an absolute path"},
      {"---\ncluster: a\n", "f.yaml:5:1: only one document is taken: remove this one"},
  };
  for (const BadConfig& bad : cases) {
    const auto config = parse_config(kMinimal + bad.added, "f.yaml");
    ASSERT_FALSE(config) << bad.problem;
    // A second problem may follow from the first; the first line is the one meant here.
    const std::string& text = config.error().text;
    EXPECT_NE(("\n" + text + "\n").find(std::string("\n") + bad.problem + "\n"), std::string::npos)
        << text;
  }
}

TEST(YamlConfig, MastersAreRefusedWithTheReason) {
  const auto problem = [](const std::string& masters) {
    const auto config = parse_config("node: {name: n1}\nmasters:\n" + masters, "f.yaml");
    return config ? "" : config.error().text;
  };
  const std::string one = "  - {name: n1, rpc: \"127.0.0.1:7947\"}\n";
  EXPECT_EQ(problem(one + "  - {name: n2, rpc: \"127.0.0.2:7947\"}\n"),
            "f.yaml:3:3: masters: 2 are listed, but two masters survive no loss: list 1, 3 or 5");
  EXPECT_EQ(
      problem("  - {name: n1, rpc: \"127.0.0.9:7947\"}\n"),
      "f.yaml:3:21: masters[0].rpc: \"127.0.0.9:7947\" is not where this node, n1, takes RPC: "
      "that is 127.0.0.1:7947 (node.address or listen.address, and listen.rpc_port)");
  EXPECT_EQ(
      problem("  - {name: n7, rpc: \"127.0.0.1:7947\"}\n"),
      "f.yaml:3:12: masters[0].name: \"n7\" has the RPC address of this node, 127.0.0.1:7947, "
      "but this node's name is \"n1\": correct node.name or the list");
  EXPECT_EQ(problem(""),
            "f.yaml:2:1: masters: is missing: list 1, 3 or 5 masters, the same on every "
            "node");
  EXPECT_EQ(problem("  - {name: n1}\n"), "f.yaml:3:5: masters[0].rpc: is missing: write host:port");
}

TEST(YamlConfig, AllProblemsAreFoundAtOnceInTheOrderOfTheFile) {
  const auto config = parse_config("nod: {}\nlisten: {rpc_port: 0}\nlog: {level: [a]}\n", "f.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().text,
            "f.yaml:1:1: nod: unknown key, did you mean node?\n"
            "f.yaml:2:20: listen.rpc_port: expected a whole number from 1 to 65535, found \"0\"\n"
            "f.yaml:3:14: log.level: expected text, found a list");
}

TEST(YamlConfig, TheFlagAllowsWhatTheFileWouldHaveTo) {
  const std::string text =
      "node: {name: n1}\nlisten: {address: 192.0.2.1}\n"
      "masters: [{name: n1, rpc: \"192.0.2.1:7947\"}]\n";
  const auto refused = parse_config(text, "f.yaml");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text.find("f.yaml:2:19: listen.address: 192.0.2.1 can be reached"), 0U);
  EXPECT_EQ(refused.error().text.find('\n'), std::string::npos);
  const auto taken = parse_config(text, "f.yaml", {.insecure = true, .hostname = ""});
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_TRUE(taken->insecure);
}

TEST(YamlConfig, TheHostsNameIsTheDefaultNameInLowerCase) {
  const std::string text = "masters: [{name: other, rpc: \"127.0.0.5:1\"}]\n";
  const auto config = parse_config(text, "f.yaml", {.insecure = false, .hostname = "Host-7"});
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->node.name, "host-7");
  EXPECT_FALSE(config->is_master());
  const auto bad = parse_config(text, "f.yaml", {.insecure = false, .hostname = "host_7"});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().text.find("f.yaml:1:1: node.name: \"host_7\" is not a name"), 0U);
}

TEST(YamlConfig, LoadsAFileAndNamesOneThatIsMissing) {
  const TempDir dir;
  write_file(dir.file("m.yaml"), kMinimal);
  EXPECT_EQ(load_config(dir.file("m.yaml")).value().node.name, "n1");
  EXPECT_EQ(load_config(dir.file("none.yaml")).error().code, Code::NotFound);
}

}  // namespace
}  // namespace muster::agent
