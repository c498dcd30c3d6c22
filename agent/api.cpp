#include "agent/api.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include <nlohmann/json.hpp>

#include "agent/api_why.h"
#include "agent/api_workloads.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

using gossip::MemberState;
using nlohmann::json;

constexpr std::string_view kWorkloads = "/v1/workloads";
constexpr std::string_view kWorkloadPrefix = "/v1/workloads/";
constexpr std::string_view kLogPrefix = "/v1/logs/";
constexpr std::string_view kRead = "GET, HEAD";

// Text that is not UTF-8 is shown with U+FFFD where it is not.
std::string json_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

ApiResponse ok(const json& body) { return {200, std::string(kJsonType), json_text(body)}; }

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
  return ok(out);
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
  return ok({{"members", std::move(list)}});
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
  return ok(
      {{"nodes", std::move(list)}, {"stale", !master.has_leader}, {"index", master.state->index}});
}

// With `since` the oldest after it, so that a reader who goes on at `next` misses none; without it
// the newest.
ApiResponse events(const MasterView& master, std::string_view query) {
  const std::deque<EventRecord>& all = master.state->events;
  const auto since = query_number(query, "since", 0, ~std::uint64_t{0});
  const auto limit = query_number(query, "limit", kEventsMax, kEventsMax);
  if (!since) return problem(since.error());
  if (!limit) return problem(limit.error());
  auto from = std::find_if(all.begin(), all.end(),
                           [&](const EventRecord& event) { return event.sequence > *since; });
  auto until = all.end();
  if (static_cast<std::uint64_t>(until - from) > *limit) {
    const auto count = static_cast<std::ptrdiff_t>(*limit);
    if (*since == 0) {
      from = until - count;
    } else {
      until = from + count;
    }
  }
  json list = json::array();
  std::uint64_t next = *since;
  for (; from != until; ++from) {
    next = from->sequence;
    list.push_back({{"sequence", from->sequence},
                    {"at", rfc3339(from->at)},
                    {"at_ms", from->at.time_since_epoch().count()},
                    {"kind", from->kind},
                    {"subject", from->subject},
                    {"text", from->text}});
  }
  return ok({{"events", std::move(list)}, {"next", next}, {"stale", !master.has_leader}});
}

// https://prometheus.io/docs/prometheus/latest/http_sd/: on an error Prometheus keeps the targets
// that it has, so an agent that cannot know says that it does not.
ApiResponse scrape_targets(const View& view) {
  if (!view.master->has_leader) {
    return problem(503, "no quorum",
                   "a majority of the masters must be up for a list of all nodes");
  }
  json groups = json::array();
  for (const auto& [name, record] : view.master->state->nodes) {
    if (record.state != NodeState::Alive) continue;
    const auto member = view.members->find(name);
    const MemberState seen =
        member == view.members->end() ? MemberState::Alive : member->second.state;
    groups.push_back({{"targets", {address_text(record.info.http)}},
                      {"labels",
                       {{"__meta_muster_node", name},
                        {"__meta_muster_zone", record.info.zone},
                        {"__meta_muster_state", gossip::to_text(seen)},
                        {"__meta_muster_role", record.info.master ? "master" : "worker"}}}});
  }
  return ok(groups);
}

// --- paths ---
enum class Page {
  None,
  Health,
  Ready,
  Status,
  Members,
  Nodes,
  Workloads,
  Workload,
  Events,
  Targets,
  WhyNode
};

Page page_of(std::string_view path) {
  if (path == "/healthz") return Page::Health;
  if (path == "/readyz") return Page::Ready;
  if (path == "/v1/status") return Page::Status;
  if (path == "/v1/members") return Page::Members;
  if (path == "/v1/nodes") return Page::Nodes;
  if (path == kWorkloads) return Page::Workloads;
  if (path == "/v1/events") return Page::Events;
  if (path == "/v1/sd/prometheus") return Page::Targets;
  if (!why_node_name(path).empty()) return Page::WhyNode;
  return workload_name(path).empty() ? Page::None : Page::Workload;
}

bool decimal(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

std::string_view title_of(Code code) {
  switch (code) {
    case Code::InvalidArgument: return "wrong request";
    case Code::NotFound: return "not found";
    case Code::Conflict: return "conflict";
    case Code::PermissionDenied: return "not permitted";
    case Code::Unavailable: return "not possible now";
    case Code::Unknown: return "outcome unknown";
    case Code::Exhausted: return "out of space";
    case Code::DataLoss: return "data lost";
    case Code::Timeout: return "no answer in time";
    case Code::Internal: return "internal error";
  }
  return "internal error";
}

}  // namespace

std::string_view allowed_methods(std::string_view path) {
  if (path == kWorkloads) return "GET, HEAD, POST";
  if (!workload_name(path).empty()) return "GET, HEAD, DELETE";
  if (path == "/metrics" || log_instance(path) != 0 || page_of(path) != Page::None) return kRead;
  return "";
}

std::optional<ApiResponse> answer_read(const View& view, std::string_view path,
                                       std::string_view query) {
  const Page page = page_of(path);
  if (page == Page::None) return problem(404, "not found", "no such path: " + in_quotes(path));
  if (page == Page::Health) return ApiResponse{200, std::string(kTextType), "ok\n"};
  if (page == Page::Ready) return ready(view);
  if (page == Page::Status) return status(view);
  if (page == Page::Members) return members(view);
  if (page == Page::WhyNode) return why_node(view, why_node_name(path));
  if (!view.master) return std::nullopt;
  const MasterView& master = *view.master;
  if (page == Page::Nodes) return nodes(master);
  if (page == Page::Events) return events(master, query);
  if (page == Page::Targets) return scrape_targets(view);
  if (page == Page::Workloads) return workload_list(master);
  return one_workload(master, workload_name(path));
}

ApiResponse no_coordinator(const View& view) {
  return problem(503, title_of(Code::Unavailable),
                 "no quorum: no coordinator answers " + view.self.name +
                     "; a majority of the masters must be up");
}

ApiResponse problem(int status, std::string_view title, std::string_view detail) {
  const json body{{"title", title}, {"status", status}, {"detail", detail}};
  return {status, std::string(kProblemType), json_text(body)};
}

ApiResponse problem(const Error& error) {
  return problem(http_status(error.code), title_of(error.code), error.text);
}

int http_status(Code code) {
  switch (code) {
    case Code::InvalidArgument: return 400;
    case Code::NotFound: return 404;
    case Code::Conflict: return 409;
    case Code::PermissionDenied: return 403;
    case Code::Unavailable: return 503;
    case Code::Unknown: return 504;
    case Code::Exhausted: return 507;
    case Code::Timeout: return 504;
    case Code::DataLoss:
    case Code::Internal: return 500;
  }
  return 500;
}

std::string results_json(const std::vector<std::string>& results) {
  return json_text({{"results", results}});
}

InstanceId log_instance(std::string_view path) {
  InstanceId id = 0;
  if (!path.starts_with(kLogPrefix)) return 0;
  return decimal(path.substr(kLogPrefix.size()), id) ? id : 0;
}

Result<std::uint64_t> query_number(std::string_view query, std::string_view name,
                                   std::uint64_t otherwise, std::uint64_t max) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.substr(0, pair.find('=')) != name) continue;
    const std::string_view text = pair.substr(std::min(pair.size(), name.size() + 1));
    std::uint64_t value = 0;
    if (decimal(text, value) && value <= max) return value;
    return fail(Code::InvalidArgument, std::string(name) + ": expected a number from 0 to " +
                                           std::to_string(max) + ", found " + in_quotes(text));
  }
  return otherwise;
}

std::string_view workload_name(std::string_view path) {
  if (!path.starts_with(kWorkloadPrefix)) return "";
  const std::string_view name = path.substr(kWorkloadPrefix.size());
  return name.find('/') == std::string_view::npos ? name : "";
}

std::string rfc3339(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text;
}

}  // namespace muster::agent
