#include "agent/node_options.h"

#include "health/seal_format.h"

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
  options.external_url = "http://" + config.advertised_http().text();
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
  options.join = config.seeds();
  options.swim.probe_interval = config.membership.probe_interval;
  options.swim.probe_timeout = config.membership.probe_timeout;
  options.swim.suspicion_mult = static_cast<int>(config.membership.suspicion_mult);
  options.swim.gossip_interval = config.membership.gossip_interval;
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

std::string masters_text(const Config& config) {
  std::string text;
  for (const MasterConfig& master : config.masters) {
    text += (text.empty() ? "" : ", ") + master.name + " " + master.rpc.text();
  }
  return text;
}

}  // namespace muster::agent
