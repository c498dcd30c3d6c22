#include "agent/api.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/api_access.h"
#include "agent/api_json.h"
#include "agent/api_kv.h"
#include "agent/api_masters.h"
#include "agent/api_why.h"
#include "agent/api_workloads.h"
#include "agent/query.h"
#include "agent/routes.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

using gossip::MemberState;
using nlohmann::json;

constexpr std::string_view kLogPrefix = "/v1/logs/";

json labels_json(const std::map<std::string, std::string>& labels) {
  json out = json::object();
  for (const auto& [name, value] : labels) out[name] = value;
  return out;
}

json resources_json(const Resources& resources) {
  return {{"cpu_millis", resources.cpu_millis}, {"memory_bytes", resources.memory_bytes}};
}

std::string address_text(const Address& address) {
  return address.host.empty() ? std::string() : address.text();
}

// --- status ---
json member_counts(const View& view) {
  std::map<MemberState, std::size_t> counts;
  for (const auto& [name, member] : *view.members) ++counts[member.state];
  json out = json::object();
  for (const MemberState state :
       {MemberState::Alive, MemberState::Suspect, MemberState::Failed, MemberState::Left}) {
    out[std::string(gossip::to_text(state))] = counts[state];
  }
  return out;
}

void add_master_status(const MasterView& master, json& out) {
  const ClusterState& state = *master.state;
  out["role"] = raft::to_text(master.role);
  out["term"] = master.term;
  out["index"] = master.applied;
  out["commit_index"] = master.commit;
  out["quorum"] = master.has_leader;
  out["stale"] = !master.has_leader;
  out["disk_failing"] = master.disk_failing;
  out["nodes_total"] = state.nodes.size();
  out["nodes_alive"] = std::count_if(state.nodes.begin(), state.nodes.end(), [](const auto& node) {
    return node.second.state == NodeState::Alive;
  });
  out["workloads_total"] = state.workloads.size();
  out["workloads_ready"] = workloads_ready(state);
}

ApiResponse status(const View& view) {
  json out{{"cluster", view.cluster},
           {"node", view.self.name},
           {"version", view.self.version},
           {"master", view.self.master},
           {"coordinator", view.coordinator},
           {"insecure", view.insecure},
           {"joined", view.joined},
           {"registered", view.registered},
           {"lease_remaining_ms", view.lease_remaining_ms},
           {"state_failing", view.state_failing},
           {"members", member_counts(view)}};
  for (const char* key :
       {"role", "term", "index", "commit_index", "quorum", "stale", "disk_failing", "nodes_total",
        "nodes_alive", "workloads_total", "workloads_ready"}) {
    out[key] = nullptr;  // what only masters know
  }
  if (view.master) add_master_status(*view.master, out);
  return ok_json(out);
}

ApiResponse ready(const View& view) {
  std::string why;
  if (!view.joined) {
    why = "not joined: no other member has answered yet";
  } else if (!view.registered) {
    why = "not registered: no coordinator has taken this agent yet";
  } else if (view.state_failing) {
    why = "cannot write its data directory: it starts nothing new";
  }
  return {why.empty() ? 200 : 503, std::string(kTextType), (why.empty() ? "ready" : why) + "\n"};
}

ApiResponse members(const View& view) {
  json list = json::array();
  for (const auto& [name, member] : *view.members) {
    list.push_back({{"name", name},
                    {"state", gossip::to_text(member.state)},
                    {"incarnation", member.incarnation},
                    {"address", address_text(member.gossip)},
                    {"zone", member.meta.zone},
                    {"master", member.meta.master},
                    {"rpc", address_text(member.meta.rpc)},
                    {"http", address_text(member.meta.http)},
                    {"version", member.meta.version},
                    {"since", rfc3339(view.clock.wall_at(member.since))},
                    {"since_ms", view.clock.wall_at(member.since).time_since_epoch().count()}});
  }
  return ok_json({{"members", std::move(list)}, {"index", view.member_changes}})
      .with(kIndexHeader, std::to_string(view.member_changes));
}

// --- the cluster's state ---
json node_json(const NodeRecord& record, const ClusterState& state) {
  const NodeInfo& info = record.info;
  Resources reserved;
  std::size_t instances = 0;
  for (const auto& [id, placement] : state.placements) {
    if (placement.node != info.name) continue;
    ++instances;
    reserved.cpu_millis += placement.resources.cpu_millis;
    reserved.memory_bytes += placement.resources.memory_bytes;
  }
  return {{"name", info.name},
          {"state", to_text(record.state)},
          {"since", rfc3339(record.since)},
          {"since_ms", record.since.time_since_epoch().count()},
          {"zone", info.zone},
          {"labels", labels_json(info.labels)},
          {"address", info.http.host},
          {"http", address_text(info.http)},
          {"rpc", address_text(info.rpc)},
          {"capacity", resources_json(info.capacity)},
          {"reserved", resources_json(reserved)},
          {"version", info.version},
          {"master", info.master},
          {"takes_workloads", info.takes_workloads},
          {"instances", instances}};
}

ApiResponse nodes(const MasterView& master) {
  json list = json::array();
  for (const auto& [name, record] : master.state->nodes) {
    list.push_back(node_json(record, *master.state));
  }
  return listing("nodes", std::move(list), master);
}

json event_json(const EventRecord& event) {
  return {{"sequence", event.sequence},
          {"at", rfc3339(event.at)},
          {"at_ms", event.at.time_since_epoch().count()},
          {"kind", event.kind},
          {"subject", event.subject},
          {"text", event.text}};
}

// With `since` the oldest after it, so that a reader who goes on at `next` misses none; without it
// the newest.
ApiResponse events(const MasterView& master, const Query& query) {
  const auto& all = master.state->events;
  const auto since = query.number("since", 0, ~std::uint64_t{0});
  const auto limit = query.number("limit", kEventsMax, kEventsMax);
  if (!since) return problem(since.error());
  if (!limit) return problem(limit.error());
  std::vector<const EventRecord*> wanted;
  for (const EventRecord& event : all) {
    if (event.sequence > *since) wanted.push_back(&event);
  }
  if (wanted.size() > *limit) {
    const auto surplus = static_cast<std::ptrdiff_t>(wanted.size() - *limit);
    if (*since == 0) {
      wanted.erase(wanted.begin(), wanted.begin() + surplus);
    } else {
      wanted.erase(wanted.end() - surplus, wanted.end());
    }
  }
  json list = json::array();
  for (const EventRecord* event : wanted) list.push_back(event_json(*event));
  const json body{{"events", std::move(list)},
                  {"next", wanted.empty() ? *since : wanted.back()->sequence},
                  {"stale", !master.has_leader},
                  {"index", master.state->index}};
  return indexed(ok_json(body), *master.state);
}

// https://prometheus.io/docs/prometheus/latest/http_sd/: on an error Prometheus keeps the targets
// that it has, so an agent that cannot know says that it does not. A failed node stays a target, so
// that whoever watches it sees that it does not answer. One that left is none.
ApiResponse scrape_targets(const View& view) {
  if (!view.master->has_leader) {
    return problem(503, "no quorum",
                   "a majority of the masters must be up for a list of all nodes");
  }
  json groups = json::array();
  for (const auto& [name, record] : view.master->state->nodes) {
    if (record.state == NodeState::Left) continue;
    const auto member = view.members->find(name);
    const bool suspect = record.state == NodeState::Alive && member != view.members->end() &&
                         member->second.state == MemberState::Suspect;
    groups.push_back(
        {{"targets", {address_text(record.info.http)}},
         {"labels",
          {{"__meta_muster_cluster", view.cluster},
           {"__meta_muster_node", name},
           {"__meta_muster_zone", record.info.zone},
           {"__meta_muster_state", suspect ? to_text(MemberState::Suspect) : to_text(record.state)},
           {"__meta_muster_role", record.info.master ? "master" : "worker"}}}});
  }
  // This agent is one itself, so an empty list is never true: the cluster has only just begun.
  if (groups.empty()) {
    return problem(503, "no node is registered yet", "the first ones do so within a second");
  }
  return ok_json(groups);
}

// What only masters know, from the replicated state.
ApiResponse cluster_page(const View& view, Page page, const std::string& name, const Query& query) {
  const MasterView& master = *view.master;
  const ClusterState& state = *master.state;
  switch (page) {
    case Page::Nodes: return nodes(master);
    case Page::Workloads: return workload_list(master);
    case Page::Workload: return one_workload(master, name);
    case Page::Events: return events(master, query);
    case Page::EventStream: return cluster_events_since(state, query);
    case Page::Targets: return scrape_targets(view);
    case Page::Keys: return key_list(state, query);
    case Page::Key: return one_key(state, name, query);
    case Page::Watch: return key_events(state, query);
    case Page::Leases: return lease_list(master);
    case Page::Lease: return one_lease(master, name);
    case Page::Tokens: return token_list(master);
    case Page::UserCertificates: return user_certificate_list(master, view.now);
    case Page::Silences: return silence_list(master, view.now);
    case Page::Masters: return master_list(view);
    case Page::Authorities: return authority_bundle(master);
    case Page::GossipKeys: return gossip_key_list(master);
    case Page::Rotations: return rotation_list(master);
    default: return problem(404, "not found", "there is nothing to read there");
  }
}

}  // namespace

std::string event_text(const EventRecord& event) {
  std::string text = json_text(event_json(event));
  text.pop_back();
  return text;
}

std::optional<ApiResponse> answer_read(const View& view, std::string_view path,
                                       std::string_view raw_query) {
  const RouteMatch match = find_route("GET", path);
  if (match.route == nullptr) {
    return problem(404, "not found", "no such path: " + in_quotes(path),
                   "GET /v1/openapi.yaml lists every path");
  }
  const auto query = Query::parse(raw_query);
  if (!query) return problem(query.error());
  switch (match.route->page) {
    case Page::Health: return ApiResponse{200, std::string(kTextType), "ok\n"};
    case Page::Ready: return ready(view);
    case Page::Status: return status(view);
    case Page::Members: return members(view);
    case Page::WhyNode: return why_node(view, match.name);
    default: break;
  }
  const bool cluster =
      match.route->source == Source::Cluster || match.route->source == Source::Stream;
  if (!cluster) return problem(404, "not found", "there is nothing to read there");
  if (!view.master) return std::nullopt;
  return cluster_page(view, match.route->page, match.name, *query);
}

ApiResponse no_coordinator(const View& view) {
  return problem(Error{Code::Unavailable, "no quorum: no coordinator answers " + view.self.name +
                                              "; a majority of the masters must be up"});
}

std::string results_json(const std::vector<std::string>& results) {
  return json_text({{"results", results}});
}

InstanceId log_instance(std::string_view path) {
  if (!path.starts_with(kLogPrefix)) return 0;
  const std::string_view text = path.substr(kLogPrefix.size());
  InstanceId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() ? id : 0;
}

}  // namespace muster::agent
