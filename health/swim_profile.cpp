#include "health/swim_profile.h"

namespace muster::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SwimOptions wan() {  // as memberlist has them
  SwimOptions options;
  options.probe_interval = seconds(5);
  options.probe_timeout = seconds(3);
  options.suspicion_mult = 6;
  options.gossip_interval = milliseconds(500);
  options.gossip_fanout = 4;
  options.push_pull_interval = seconds(60);
  options.reconnect_interval = seconds(30);
  options.join_retry = seconds(1);
  options.join_retry_max = seconds(30);
  return options;
}

SwimOptions local() {
  SwimOptions options;
  options.probe_interval = milliseconds(100);
  options.probe_timeout = milliseconds(40);
  options.gossip_interval = milliseconds(25);
  options.push_pull_interval = seconds(10);
  return options;
}

std::string text_of(Duration d) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(d).count()) + "ms";
}

}  // namespace

std::optional<SwimOptions> swim_profile(std::string_view name) {
  if (name == "lan") return SwimOptions{};
  if (name == "wan") return wan();
  if (name == "local") return local();
  return std::nullopt;
}

std::string contradiction(const SwimOptions& options) {
  if (options.probe_timeout >= options.probe_interval) {
    return "probe_timeout (" + text_of(options.probe_timeout) + ") must be below probe_interval (" +
           text_of(options.probe_interval) + "): relays are asked in what is left";
  }
  if (options.gossip_interval > options.probe_interval) {
    return "gossip_interval (" + text_of(options.gossip_interval) +
           ") must not be above probe_interval (" + text_of(options.probe_interval) +
           "): a refutation must outrun the suspicion";
  }
  if (options.push_pull_interval < options.probe_interval) {
    return "push_pull_interval (" + text_of(options.push_pull_interval) +
           ") must not be below probe_interval (" + text_of(options.probe_interval) +
           "): whole tables are for what gossip has missed";
  }
  if (options.join_retry > options.join_retry_max) {
    return "join_retry (" + text_of(options.join_retry) + ") must not be above join_retry_max (" +
           text_of(options.join_retry_max) + ")";
  }
  const Duration suspicion = options.probe_interval * options.suspicion_mult;
  if (options.tombstone <= suspicion * options.suspicion_max_mult) {
    return "tombstone (" + text_of(options.tombstone) + ") must be above the longest suspicion (" +
           text_of(suspicion * options.suspicion_max_mult) +
           "): else a member is forgotten before its failure is known everywhere";
  }
  return {};
}

}  // namespace muster::health
