// Which requests does the HTTP API take, and who may send each?
//
// Pure: one table. From it come the methods of an Allow header, the role that a request needs,
// which parameters it may have and which handler answers it; docs/openapi.yaml is held against it
// by a test.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/identity.h"

namespace muster::agent {

// What a path is about; with the method it names the handler.
enum class Page {
  Health,
  Ready,
  Metrics,
  Description,  // docs/openapi.yaml
  Status,
  Self,
  Members,
  WhyNode,
  Nodes,
  Revocation,
  Workloads,
  Workload,
  Logs,
  History,
  HistorySeries,
  Events,
  EventStream,
  Targets,
  Keys,
  Key,
  Watch,
  Leases,
  Lease,
  Tokens,
  Token,
  UserCertificates,
  UserCertificate,
  UserRevocation,
  Silences,
  Silence,
  Masters,
  Master,
  Transfer,
  Join,
  Authorities,
  AuthorityRotation,
  GossipKeys,
  GossipKeyRotation,
  Rotations,
  Snapshot,
};

// Where the answer comes from.
enum class Source {
  Agent,      // what this agent knows by itself, at once
  Cluster,    // the replicated state, linearizable; any master's copy of it when asked with ?stale
  Stream,     // server-sent events, for as long as the client listens
  Change,     // one command or more to the masters
  Operation,  // something that only the coordinator can do and that is more than a command
};

struct Route {
  std::string_view method;  // what GET answers, HEAD does too
  std::string_view path;    // {name} is one part of it; {key...} is all that follows, not empty
  Page page = Page::Health;
  Source source = Source::Agent;
  std::optional<Role> role;    // the least that may; nothing: whoever reaches the port
  std::string_view query;      // the parameters that it takes, separated by commas
  std::size_t body_bytes = 0;  // at most
};

[[nodiscard]] std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;  // null: no route has this path with this method
  std::string name;              // what stood for {name} or {key...}, decoded
  bool undecodable = false;      // it cannot be decoded: `name` is as it came
};
// `path` as it came: percent-encoded, without the query.
[[nodiscard]] RouteMatch find_route(std::string_view method, std::string_view path);
// "GET, HEAD, POST": what the path takes, as in an Allow header; empty: no such path.
[[nodiscard]] std::string allowed_methods(std::string_view path);

[[nodiscard]] inline bool writes(const Route& route) { return route.method != "GET"; }
// It takes ?index= and ?wait=: the answer comes when there is something new.
[[nodiscard]] bool blocks(const Route& route);

}  // namespace muster::agent
