#include "agent/api_workloads.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "agent/api_json.h"
#include "base/problem.h"
#include "base/quantity.h"
#include "failover/placement.h"

namespace muster::agent {
namespace {

using nlohmann::json;

struct Copies {
  std::size_t running = 0;  // ready ones too
  std::size_t ready = 0;
};

Copies count_copies(const ClusterState& state, std::string_view workload) {
  Copies copies;
  for (const auto& [id, placement] : state.placements) {
    if (placement.workload != workload || placement.lost || placement.wanted != Wanted::Run) {
      continue;
    }
    const Phase phase = placement.status.phase;
    if (phase == Phase::Ready) ++copies.ready;
    if (phase == Phase::Ready || phase == Phase::Running) ++copies.running;
  }
  return copies;
}

json instance_json(const Placement& placement, const ClusterState& state) {
  const auto node = state.nodes.find(placement.node);
  return {{"instance", placement.instance},
          {"node", placement.node},
          {"address", node == state.nodes.end() ? "" : node->second.info.http.host},
          {"port", placement.port},
          {"phase", to_text(placement.status.phase)},
          {"pid", placement.status.pid},
          {"restarts", placement.status.restarts},
          {"revision", placement.revision},
          {"token", placement.token},
          {"lost", placement.lost},
          {"wanted", placement.wanted == Wanted::Run ? "run" : "stop"},
          {"placed_at", time_json(placement.placed_at)},
          {"at", time_json(placement.status.at)},
          {"at_ms", placement.status.at.time_since_epoch().count()},
          {"why", placement.status.why},
          {"reason", placement.reason},
          {"replaces", placement.replaces}};
}

json instances_json(const ClusterState& state, std::string_view workload) {
  json list = json::array();
  for (const auto& [id, placement] : state.placements) {
    if (placement.workload == workload) list.push_back(instance_json(placement, state));
  }
  return list;
}

json workload_json(const ClusterState& state, const WorkloadRecord& record) {
  const WorkloadSpec& spec = record.spec;
  const Copies copies = count_copies(state, spec.name);
  const auto unplaceable = state.unplaceable.find(spec.name);
  return {{"name", spec.name},
          {"replicas", spec.on_every_node ? json() : json(spec.replicas)},
          {"on_every_node", spec.on_every_node},
          {"wanted", failover::wanted_copies(state, spec)},
          {"ready", copies.ready},
          {"running", copies.running},
          {"revision", record.revision},
          {"applied_at", time_json(record.applied_at)},
          {"port", spec.port},
          {"unplaceable",
           unplaceable == state.unplaceable.end() ? json::array() : json(unplaceable->second)},
          {"instances", instances_json(state, spec.name)}};
}

// A workload that was stopped: its copies are all that is left.
json stopped_json(const ClusterState& state, const std::string& name) {
  const Copies copies = count_copies(state, name);
  std::uint64_t revision = 0;
  for (const auto& [id, placement] : state.placements) {
    if (placement.workload == name) revision = std::max(revision, placement.revision);
  }
  return {{"name", name},
          {"replicas", 0},
          {"on_every_node", false},
          {"wanted", 0},
          {"ready", copies.ready},
          {"running", copies.running},
          {"revision", revision},
          {"applied_at", nullptr},
          {"port", 0},
          {"unplaceable", json::array()},
          {"instances", instances_json(state, name)}};
}

// The spec with the keys of the file that it came from (failover/yaml_workload.h).
json probe_json(const ProbeSpec& probe) {
  json out{{"initialDelaySeconds", seconds(probe.initial_delay)},
           {"periodSeconds", seconds(probe.period)},
           {"timeoutSeconds", seconds(probe.timeout)},
           {"successThreshold", probe.success_threshold},
           {"failureThreshold", probe.failure_threshold}};
  json target = json::object();
  if (probe.port != 0) target["port"] = probe.port;
  if (!probe.host.empty()) target["host"] = probe.host;
  switch (probe.kind) {
    case ProbeKind::Http:
      target["path"] = probe.path;
      target["scheme"] = probe.scheme;
      target["httpHeaders"] = json::array();
      for (const auto& [name, value] : probe.headers) {
        target["httpHeaders"].push_back({{"name", name}, {"value", value}});
      }
      out["httpGet"] = std::move(target);
      break;
    case ProbeKind::Tcp: out["tcpSocket"] = std::move(target); break;
    case ProbeKind::Exec: out["exec"] = {{"command", probe.command}}; break;
  }
  return out;
}

json spec_json(const WorkloadSpec& spec) {
  json out{{"name", spec.name},
           {"driver", spec.driver},
           {"command", spec.command},
           {"env", spec.env},
           {"labels", spec.labels},
           {"resources",
            {{"cpu", std::to_string(spec.resources.cpu_millis) + "m"},
             {"memory", size_text(spec.resources.memory_bytes)}}},
           {"restart",
            {{"policy", to_text(spec.restart.when)},
             {"initialDelay", duration_text(spec.restart.initial)},
             {"maxDelay", duration_text(spec.restart.cap)}}},
           {"stopGracePeriod", duration_text(spec.stop_grace)}};
  if (spec.on_every_node) {
    out["on"] = "every node";
  } else {
    out["replicas"] = spec.replicas;
  }
  if (!spec.user.empty()) out["user"] = spec.user;
  if (!spec.working_dir.empty()) out["workingDir"] = spec.working_dir;
  if (spec.port != 0) out["port"] = spec.port;
  out["constraints"] = json::array();
  for (const Constraint& one : spec.constraints) out["constraints"].push_back(to_text(one));
  if (spec.liveness) out["liveness"] = probe_json(*spec.liveness);
  if (spec.readiness) out["readiness"] = probe_json(*spec.readiness);
  return out;
}

std::set<std::string> names_of(const ClusterState& state) {
  std::set<std::string> names;
  for (const auto& [name, record] : state.workloads) names.insert(name);
  for (const auto& [id, placement] : state.placements) names.insert(placement.workload);
  return names;
}

json any_json(const ClusterState& state, const std::string& name) {
  const auto record = state.workloads.find(name);
  return record == state.workloads.end() ? stopped_json(state, name)
                                         : workload_json(state, record->second);
}

}  // namespace

ApiResponse workload_list(const MasterView& master) {
  json list = json::array();
  for (const std::string& name : names_of(*master.state)) {
    list.push_back(any_json(*master.state, name));
  }
  return listing("workloads", std::move(list), master);
}

ApiResponse one_workload(const MasterView& master, std::string_view name) {
  const std::string key(name);
  if (!names_of(*master.state).contains(key)) {
    return problem(Error{Code::NotFound, "no workload is called " + in_quotes(name)});
  }
  json out = any_json(*master.state, key);
  const auto record = master.state->workloads.find(key);
  out["spec"] = record == master.state->workloads.end() ? json() : spec_json(record->second.spec);
  out["stale"] = !master.has_leader;
  out["index"] = master.state->index;
  return indexed(ok_json(out), *master.state);
}

std::size_t workloads_ready(const ClusterState& state) {
  return static_cast<std::size_t>(
      std::count_if(state.workloads.begin(), state.workloads.end(), [&](const auto& workload) {
        return count_copies(state, workload.first).ready >=
               failover::wanted_copies(state, workload.second.spec);
      }));
}

}  // namespace muster::agent
