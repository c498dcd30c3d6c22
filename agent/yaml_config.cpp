#include "agent/yaml_config.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>

#include "agent/yaml_metrics.h"
#include "base/yaml_reader.h"
#include "failover/workload_check.h"
#include "health/swim_profile.h"

namespace muster::agent {
namespace {

constexpr std::uint16_t kPortMax = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t kJoinMax = 64;
// As config.cpp checks them.
constexpr int kMultMax = 20;
constexpr int kSmallMax = 16;
constexpr std::size_t kListMax = 64;  // masters, receivers: config.cpp says how many make sense

// The kernel's own word for it, as gethostname() gives. Empty when it cannot be read: then
// node.name has to be set, and the check says so.
std::string own_hostname() {
  std::ifstream in("/proc/sys/kernel/hostname");
  std::string name;
  std::getline(in, name);
  return name;
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

void read_name(const YamlNode& from, NodeName& out) {
  if (from.read(out)) out = lower_case(out);
}

void read_texts(const YamlNode& from, std::size_t max, std::map<std::string, std::string>& out) {
  for (const auto& [name, value] : from.entries(max)) value.read(out[name]);
}

void require(const YamlNode& node, std::string_view how) {
  if (!node.present()) node.wrong("is missing: " + std::string(how));
}

void read_node(const YamlNode& from, NodeConfig& out) {
  read_name(from.key("name"), out.name);
  from.key("zone").read(out.zone);
  read_texts(from.key("labels"), failover::kLabelsMax, out.labels);
  from.key("address").read(out.address);
}

void read_listen(const YamlNode& from, ListenConfig& out) {
  constexpr std::uint16_t kPortMin = 1;
  from.key("address").read(out.address);
  from.key("gossip_port").read_number(out.gossip_port, kPortMin, kPortMax);
  from.key("rpc_port").read_number(out.rpc_port, kPortMin, kPortMax);
  from.key("http_port").read_number(out.http_port, kPortMin, kPortMax);
}

void read_masters(const YamlNode& from, std::vector<MasterConfig>& out) {
  for (const YamlNode& item : from.items(kListMax, "a list of {name, rpc, gossip}")) {
    MasterConfig& master = out.emplace_back();
    const YamlNode name = item.key("name");
    const YamlNode rpc = item.key("rpc");
    require(name, "write the master's node name");
    require(rpc, "write host:port");
    read_name(name, master.name);
    rpc.read_address(master.rpc);
    item.key("gossip").read_address(master.gossip);
  }
}

void read_membership(const YamlNode& from, MembershipConfig& out) {
  from.key("profile").read(out.profile);
  // One that is not known is refused by the check of the values.
  out.swim = health::swim_profile(out.profile).value_or(health::SwimOptions{});
  health::SwimOptions& swim = out.swim;
  from.key("probe_interval").read_duration(swim.probe_interval);
  from.key("probe_timeout").read_duration(swim.probe_timeout);
  from.key("indirect_checks").read_number(swim.indirect_checks, 0, kSmallMax);
  from.key("suspicion_mult").read_number(swim.suspicion_mult, 2, kMultMax);
  from.key("suspicion_max_mult").read_number(swim.suspicion_max_mult, 1, kMultMax);
  from.key("gossip_interval").read_duration(swim.gossip_interval);
  from.key("gossip_fanout").read_number(swim.gossip_fanout, 1, kSmallMax);
  from.key("retransmit_mult").read_number(swim.retransmit_mult, 1, kMultMax);
  from.key("push_pull_interval").read_duration(swim.push_pull_interval);
  from.key("reconnect_interval").read_duration(swim.reconnect_interval);
  from.key("join_retry").read_duration(swim.join_retry);
  from.key("join_retry_max").read_duration(swim.join_retry_max);
  from.key("tombstone").read_duration(swim.tombstone);
}

void read_consensus(const YamlNode& from, ConsensusConfig& out) {
  from.key("election_timeout").read_duration(out.election_timeout);
  from.key("heartbeat_interval").read_duration(out.heartbeat_interval);
}

void read_alerts(const YamlNode& from, AlertsConfig& out) {
  for (const YamlNode& item : from.key("receivers").items(kListMax, "a list of {name, url}")) {
    AlertReceiver& receiver = out.receivers.emplace_back();
    const YamlNode name = item.key("name");
    const YamlNode url = item.key("url");
    require(name, "a receiver is called by it");
    require(url, "write http://... or https://...");
    name.read(receiver.name);
    url.read(receiver.url);
    read_texts(item.key("headers"), failover::kHeadersMax, receiver.headers);
  }
  from.key("group_wait").read_duration(out.group_wait);
  from.key("group_interval").read_duration(out.group_interval);
  from.key("repeat_interval").read_duration(out.repeat_interval);
}

Config read_config(const YamlNode& root, const ConfigContext& context) {
  Config config;
  root.key("cluster").read(config.cluster);
  config.node.name = lower_case(context.hostname.empty() ? own_hostname() : context.hostname);
  read_node(root.key("node"), config.node);
  root.key("data_dir").read(config.data_dir);
  read_listen(root.key("listen"), config.listen);
  for (const YamlNode& item : root.key("join").items(kJoinMax, "a list of host:port")) {
    item.read_address(config.join.emplace_back());
  }
  root.key("role").read(config.role);
  read_masters(root.key("masters"), config.masters);
  const YamlNode identity = root.key("identity");
  identity.key("dir").read(config.identity.dir);
  identity.key("certificate_life").read_duration(config.identity.certificate_life);
  root.key("insecure").read(config.insecure);
  config.insecure = config.insecure || context.insecure || (context.offline && !config.secured());
  const YamlNode resources = root.key("resources");
  resources.key("cpu").read_cpu(config.resources.cpu_millis);
  resources.key("memory").read_size(config.resources.memory_bytes);
  root.key("gossip").key("keyring").read(config.gossip.keyring);
  read_membership(root.key("membership"), config.membership);
  read_consensus(root.key("consensus"), config.consensus);
  read_alerts(root.key("alerts"), config.alerts);
  const YamlNode snapshots = root.key("snapshots");
  snapshots.key("interval").read_duration(config.snapshots.interval);
  snapshots.key("keep").read_number<std::uint32_t>(config.snapshots.keep, 1, 10'000);
  snapshots.key("dir").read(config.snapshots.dir);
  snapshots.key("passphrase_file").read(config.snapshots.passphrase_file);
  read_metrics(root.key("metrics"), config.metrics);
  const YamlNode logs = root.key("logs");
  logs.key("max_bytes").read_size(config.logs.max_bytes);
  logs.key("keep").read_number<std::uint32_t>(config.logs.keep, 1, 100);
  const YamlNode history = root.key("history");
  history.key("interval").read_duration(config.history.interval);
  history.key("keep").read_duration(config.history.keep);
  history.key("downsample_after").read_duration(config.history.downsample_after);
  history.key("max_bytes").read_size(config.history.max_bytes);
  const YamlNode log = root.key("log");
  log.key("level").read(config.log.level);
  log.key("format").read(config.log.format);
  root.key("leave_on_terminate").read(config.leave_on_terminate);
  root.key("allow_workloads").read(config.allow_workloads);
  return config;
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file,
                            const ConfigContext& context) {
  auto yaml = YamlFile::parse(text, file);
  if (!yaml) return tl::unexpected<Error>(yaml.error());
  const YamlNode root = yaml->document();
  Config config = read_config(root, context);
  // What could not be read has its default, about which the operator said nothing wrong.
  if (yaml->problem_count() == 0) yaml->add(root, problems(config));
  const std::vector<Error> errors = yaml->finish();
  if (!errors.empty()) return tl::unexpected<Error>(joined(errors));
  return config;
}

Result<Config> load_config(const std::string& path, const ConfigContext& context) {
  const auto text = read_yaml_text(path);
  if (!text) return tl::unexpected<Error>(text.error());
  return parse_config(*text, path, context);
}

Result<std::vector<std::string>> unset_keys(std::string_view text) {
  const auto yaml = YamlFile::parse(text, "example");
  if (!yaml) return tl::unexpected<Error>(yaml.error());
  (void)read_config(yaml->document(), {});
  return yaml->unset();
}

}  // namespace muster::agent
