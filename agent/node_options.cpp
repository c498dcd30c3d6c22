#include "agent/node_options.h"

#include <vector>

#include "health/seal_format.h"
#include "health/swim_profile.h"

namespace muster::agent {
namespace {

NodeInfo node_info(const Config& config, const Circumstances& here) {
  NodeInfo info;
  info.name = config.node.name;
  info.zone = config.node.zone;
  info.labels = config.node.labels;
  info.capacity = config.resources;
  if (info.capacity.cpu_millis == 0) info.capacity.cpu_millis = here.machine.cpu_millis;
  if (info.capacity.memory_bytes == 0) info.capacity.memory_bytes = here.machine.memory_bytes;
  info.gossip = config.advertised_gossip();
  info.rpc = config.advertised_rpc();
  info.http = config.advertised_http();
  info.version = MUSTER_VERSION;
  info.master = config.is_master();
  info.takes_workloads = config.allow_workloads;
  info.boot = here.boot;
  return info;
}

alerting::PipelineOptions pipeline(const Config& config) {
  alerting::PipelineOptions options;
  for (const AlertReceiver& receiver : config.alerts.receivers) {
    options.receivers.push_back(
        {receiver.name, receiver.url, {receiver.headers.begin(), receiver.headers.end()}});
  }
  options.group_wait = config.alerts.group_wait;
  options.group_interval = config.alerts.group_interval;
  options.repeat_interval = config.alerts.repeat_interval;
  options.external_url =
      (config.secured() ? "https://" : "http://") + config.advertised_http().text();
  return options;
}

}  // namespace

NodeOptions node_options(const Config& config, const Circumstances& here) {
  NodeOptions options;
  options.cluster = config.cluster;
  options.info = node_info(config, here);
  options.insecure = config.insecure;
  for (const MasterConfig& master : config.masters) options.masters[master.name] = master.rpc;
  options.masters_digest = config.masters_digest();
  options.secured = config.secured();
  options.master.secured = config.secured();
  options.master.gather = true;
  options.join = config.seeds();
  options.swim = config.membership.swim;
  // What the core fills is what leaves: the seal comes on top of it.
  if (!config.gossip.keyring.empty()) {
    options.swim.datagram_bytes_max -= health::kSealOverheadBytes;
  }
  options.master.raft.election_timeout = config.consensus.election_timeout;
  options.master.raft.heartbeat_interval = config.consensus.heartbeat_interval;
  options.master.alerts = pipeline(config);
  options.master.rules.cluster = config.cluster;
  // A lost quorum is told after the time in which an undisturbed election always succeeds.
  options.master.quorum_patience = 5 * config.consensus.election_timeout;
  options.log_dir = config.data_dir + "/logs";
  options.seed = here.seed;
  return options;
}

std::string membership_text(const MembershipConfig& membership) {
  const health::SwimOptions& set = membership.swim;
  const auto usual = health::swim_profile(membership.profile).value_or(health::SwimOptions{});
  std::vector<std::string> names;
  const auto compare = [&](const char* name, auto value, auto profiles) {
    if (value != profiles) names.emplace_back(name);
  };
  compare("probe_interval", set.probe_interval, usual.probe_interval);
  compare("probe_timeout", set.probe_timeout, usual.probe_timeout);
  compare("indirect_checks", set.indirect_checks, usual.indirect_checks);
  compare("suspicion_mult", set.suspicion_mult, usual.suspicion_mult);
  compare("suspicion_max_mult", set.suspicion_max_mult, usual.suspicion_max_mult);
  compare("gossip_interval", set.gossip_interval, usual.gossip_interval);
  compare("gossip_fanout", set.gossip_fanout, usual.gossip_fanout);
  compare("retransmit_mult", set.retransmit_mult, usual.retransmit_mult);
  compare("push_pull_interval", set.push_pull_interval, usual.push_pull_interval);
  compare("reconnect_interval", set.reconnect_interval, usual.reconnect_interval);
  compare("join_retry", set.join_retry, usual.join_retry);
  compare("join_retry_max", set.join_retry_max, usual.join_retry_max);
  compare("tombstone", set.tombstone, usual.tombstone);
  std::string text = membership.profile;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? ", other than it in " : i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace muster::agent
