#include "agent/prometheus_measures.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "failover/placement.h"

namespace muster::agent {
namespace {

using collector::Labels;
using Series = std::vector<std::pair<Labels, double>>;

double unix_seconds(WallTime at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

void measure_state(collector::Instruments& to, const MasterView& master) {
  const ClusterState& state = *master.state;
  std::map<NodeState, double> nodes{
      {NodeState::Alive, 0}, {NodeState::Failed, 0}, {NodeState::Left, 0}};
  for (const auto& [name, node] : state.nodes) ++nodes[node.state];
  Series by_state;
  for (const auto& [which, count] : nodes) {
    by_state.push_back({{{"state", std::string(to_text(which))}}, count});
  }
  to.replace("muster_nodes", by_state);

  std::map<std::pair<std::string, std::string>, double> phases;
  for (const auto& [id, placement] : state.placements) {
    const std::string phase =
        placement.lost ? "lost" : std::string(to_text(placement.status.phase));
    ++phases[{placement.workload, phase}];
  }
  Series instances;
  for (const auto& [key, count] : phases) {
    instances.push_back({{{"workload", key.first}, {"phase", key.second}}, count});
  }
  to.replace("muster_workload_instances", instances);

  Series wanted;
  for (const auto& [name, record] : state.workloads) {
    wanted.push_back({{{"workload", name}}, double(failover::wanted_copies(state, record.spec))});
  }
  to.replace("muster_workload_wanted", wanted);
  to.set("muster_alerts_firing", {}, static_cast<double>(state.alerts.size()));
}

// What `muster masters` shows; the lag and the contact of others only the coordinator knows.
void measure_masters(collector::Instruments& to, const View& view) {
  const MasterView& master = *view.master;
  Series votes;
  Series lags;
  Series contacts;
  Series expiries;
  for (const ServerView& server : master.servers) {
    const Labels labels{{"master", server.name}};
    votes.push_back({labels, server.voter ? 1 : 0});
    const auto certificate = master.state->certificates.find(server.name);
    if (certificate != master.state->certificates.end()) {
      expiries.push_back({labels, unix_seconds(certificate->second.expires)});
    }
    const bool self = server.name == view.self.name;
    if (!self && server.last_contact == kNever) continue;
    const raft::Index match = self ? master.last : server.match;
    lags.push_back({labels, double(master.last - std::min(master.last, match))});
    if (self) continue;
    const auto ago = view.now - view.clock.wall_at(server.last_contact);
    contacts.push_back({labels, std::max(0.0, std::chrono::duration<double>(ago).count())});
  }
  to.set("muster_raft_last_index", {}, double(master.last));
  to.replace("muster_master_vote", votes);
  to.replace("muster_master_lag_entries", lags);
  to.replace("muster_master_last_contact_seconds", contacts);
  to.replace("muster_master_certificate_expiry_timestamp_seconds", expiries);
}

}  // namespace

PacketCounters::PacketCounters(collector::Instruments& in, const std::string& direction) {
  constexpr std::array<const char*, kKinds> kNames{"ping",   "indirect_ping", "ack",       "nack",
                                                   "gossip", "name_query",    "name_reply"};
  for (std::size_t i = 0; i < kKinds; ++i) {
    by_kind_[i] =
        in.counter("muster_gossip_packets_total", {{"direction", direction}, {"kind", kNames[i]}});
  }
}

void Measures::count(const View& view) {
  const auto add = [&](const char* name, std::uint64_t now, std::uint64_t& before,
                       const Labels& labels = {}) {
    if (counted_once_ && now == before) return;
    to_.count(name, labels, static_cast<double>(now - before));
    before = now;
  };
  const auto dropped = [&](const char* reason, std::uint64_t now, std::uint64_t& before) {
    add("muster_gossip_dropped_total", now, before, {{"reason", reason}});
  };
  const health::SwimCounters& now = view.gossip;
  dropped("foreign-cluster", now.foreign_cluster, counted_.foreign_cluster);
  dropped("wrong-version", now.wrong_version, counted_.wrong_version);
  dropped("misaddressed", now.misaddressed, counted_.misaddressed);
  dropped("refused-claim", now.refused_claims, counted_.refused_claims);
  add("muster_gossip_probes_total", now.probes, counted_.probes);
  add("muster_gossip_probes_failed_total", now.probes_failed, counted_.probes_failed);
  add("muster_gossip_refutations_total", now.refutations, counted_.refutations);
  add("muster_gossip_hints_total", now.hints, counted_.hints);
  add("muster_gossip_stream_acks_total", now.stream_acks, counted_.stream_acks);
  add("muster_gossip_digest_syncs_total", now.digest_syncs, counted_.digest_syncs);
  add("muster_gossip_stalls_total", now.stalls, counted_.stalls);
  add("muster_member_flaps_total", view.flaps, flaps_counted_);
  for (std::size_t kind = 0; view.master && kind < kCommandKinds; ++kind) {
    const std::uint64_t applied = view.master->commands[kind];
    if (applied == commands_counted_[kind]) continue;
    add("muster_commands_total", applied, commands_counted_[kind],
        {{"kind", std::string(kCommandKindNames[kind])}});
  }
  counted_once_ = true;
}

void Measures::measure_traffic(std::uint64_t received, std::uint64_t sent) {
  const auto add = [&](const char* direction, std::uint64_t now, std::uint64_t& before) {
    to_.count("muster_rpc_bytes_total", {{"direction", direction}},
              static_cast<double>(now - before));
    before = now;
  };
  add("received", received, received_counted_);
  add("sent", sent, sent_counted_);
}

// A master that was taken away goes on as an agent: what it knew last is nobody's truth.
void Measures::forget_mastery() {
  if (!std::exchange(mastered_, false)) return;
  commands_counted_ = {};  // one that is made a master again counts from the beginning
  for (const char* name :
       {"muster_raft_term", "muster_raft_commit_index", "muster_raft_applied_index",
        "muster_raft_has_leader", "muster_raft_last_index", "muster_master_vote",
        "muster_master_lag_entries", "muster_master_last_contact_seconds",
        "muster_master_certificate_expiry_timestamp_seconds", "muster_nodes",
        "muster_workload_instances", "muster_workload_wanted", "muster_alerts_firing"}) {
    to_.replace(name, {});
  }
}

void Measures::measure(const View& view, std::size_t rpc_streams) {
  count(view);
  using gossip::MemberState;
  std::map<MemberState, double> members{{MemberState::Alive, 0},
                                        {MemberState::Suspect, 0},
                                        {MemberState::Failed, 0},
                                        {MemberState::Left, 0}};
  for (const auto& [name, member] : *view.members) ++members[member.state];
  Series by_state;
  for (const auto& [state, count] : members) {
    by_state.push_back({{{"state", std::string(to_text(state))}}, count});
  }
  std::sort(by_state.begin(), by_state.end());  // as they are kept
  to_.replace("muster_members", by_state);
  to_.set("muster_gossip_health_score", {}, view.health_score);
  to_.set("muster_insecure", {}, view.insecure ? 1 : 0);
  to_.set("muster_lease_remaining_seconds", {}, double(view.lease_remaining_ms) / 1000);
  Series expiry;
  if (view.certificate_ends) expiry.push_back({{}, unix_seconds(*view.certificate_ends)});
  to_.replace("muster_certificate_expiry_timestamp_seconds", expiry);
  Series offset;  // as long as it is known
  if (view.clock_offset) offset.push_back({{}, double(view.clock_offset->count()) / 1000});
  to_.replace("muster_clock_offset_seconds", offset);
  to_.set("muster_rpc_streams", {}, static_cast<double>(rpc_streams));
  const bool coordinating = view.master && view.master->coordinating;
  to_.set("muster_is_coordinator", {}, coordinating ? 1 : 0);
  const bool disk_failing = view.state_failing || (view.master && view.master->disk_failing);
  to_.set("muster_disk_failing", {}, disk_failing ? 1 : 0);
  if (!view.master) return forget_mastery();
  mastered_ = true;
  to_.set("muster_raft_term", {}, static_cast<double>(view.master->term));
  to_.set("muster_raft_commit_index", {}, static_cast<double>(view.master->commit));
  to_.set("muster_raft_applied_index", {}, static_cast<double>(view.master->applied));
  to_.set("muster_raft_has_leader", {}, view.master->has_leader ? 1 : 0);
  measure_masters(to_, view);
  measure_state(to_, *view.master);
}

}  // namespace muster::agent
