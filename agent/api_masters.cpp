#include "agent/api_masters.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/api_json.h"

namespace muster::agent {
namespace {

using nlohmann::json;

std::int64_t contact_ms(const View& view, const ServerView& server) {
  const auto ago = view.now - view.clock.wall_at(server.last_contact);
  return std::max<std::int64_t>(0, ago.count());
}

json master_json(const View& view, const ServerView& server) {
  const MasterView& master = *view.master;
  const ClusterState& state = *master.state;
  const bool self = server.name == view.self.name;
  const auto member = view.members->find(server.name);
  const auto certificate = state.certificates.find(server.name);
  json out{
      {"name", server.name},
      {"rpc", server.rpc.text()},
      {"role", server.leads   ? "leader"
               : server.voter ? "follower"
                              : "joining"},
      {"member",
       member == view.members->end() ? json() : json(gossip::to_text(member->second.state))},
      {"match_index", nullptr},
      {"applied_index", nullptr},
      {"lag", nullptr},
      {"last_contact_ms", nullptr},
      {"disk_failing", nullptr},
      {"snapshot_sent", server.snapshot_sent},
      {"snapshot_bytes", server.snapshot_bytes},
      {"certificate_expires",
       certificate == state.certificates.end() ? json() : time_json(certificate->second.expires)}};
  const bool known = self || server.last_contact != kNever;
  if (!known) return out;  // only the leader hears of the others
  const raft::Index match = self ? master.last : server.match;
  out["match_index"] = match;
  out["applied_index"] = self ? master.applied : server.applied;
  out["lag"] = master.last - std::min(master.last, match);
  out["last_contact_ms"] = self ? 0 : contact_ms(view, server);
  out["disk_failing"] = self ? master.disk_failing : server.disk_failing;
  return out;
}

}  // namespace

ApiResponse master_list(const View& view) {
  const MasterView& master = *view.master;
  json list = json::array();
  for (const ServerView& server : master.servers) list.push_back(master_json(view, server));
  const json body{{"masters", std::move(list)},  {"coordinator", view.coordinator},
                  {"term", master.term},         {"commit_index", master.commit},
                  {"last_index", master.last},   {"applied_index", master.applied},
                  {"election", master.election}, {"stale", !master.has_leader},
                  {"index", master.state->index}};
  return indexed(ok_json(body), *master.state);
}

}  // namespace muster::agent
