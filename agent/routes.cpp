#include "agent/routes.h"

#include <algorithm>
#include <array>

#include "agent/query.h"

namespace muster::agent {
namespace {

constexpr std::size_t kValueBytes = std::size_t{512} << 10;
constexpr std::size_t kSmall = std::size_t{64} << 10;
constexpr std::size_t kSpecs = std::size_t{1} << 20;

constexpr std::string_view kListing = "stale,index,wait";
constexpr std::string_view kOwnListing = "index,wait";

constexpr auto kViewer = Role::Viewer;
constexpr auto kOperator = Role::Operator;
constexpr auto kAdmin = Role::Admin;

constexpr std::array kRoutes{
    Route{"GET", "/healthz", Page::Health, Source::Agent, std::nullopt, ""},
    Route{"GET", "/readyz", Page::Ready, Source::Agent, std::nullopt, ""},
    Route{"GET", "/metrics", Page::Metrics, Source::Agent, kViewer, "collect[]"},
    Route{"GET", "/v1/openapi.yaml", Page::Description, Source::Agent, std::nullopt, ""},
    Route{"GET", "/v1/status", Page::Status, Source::Agent, kViewer, ""},
    Route{"GET", "/v1/self", Page::Self, Source::Agent, kViewer, ""},
    Route{"GET", "/v1/members", Page::Members, Source::Agent, kViewer, kOwnListing},
    Route{"GET", "/v1/why/node/{name}", Page::WhyNode, Source::Agent, kViewer, ""},
    Route{"GET", "/v1/nodes", Page::Nodes, Source::Cluster, kViewer, kListing},
    Route{"POST", "/v1/nodes/{name}/revoke", Page::Revocation, Source::Change, kAdmin, "", kSmall},
    Route{"GET", "/v1/workloads", Page::Workloads, Source::Cluster, kViewer, kListing},
    Route{"POST", "/v1/workloads", Page::Workloads, Source::Change, kOperator, "", kSpecs},
    Route{"GET", "/v1/workloads/{name}", Page::Workload, Source::Cluster, kViewer, kListing},
    Route{"DELETE", "/v1/workloads/{name}", Page::Workload, Source::Change, kOperator, ""},
    Route{"GET", "/v1/logs/{instance}", Page::Logs, Source::Agent, kViewer, "lines"},
    Route{"GET", "/v1/history", Page::History, Source::Agent, kViewer, "series,since,step"},
    Route{"GET", "/v1/history/series", Page::HistorySeries, Source::Agent, kViewer, ""},
    Route{"GET", "/v1/events", Page::Events, Source::Cluster, kViewer,
          "stale,index,wait,since,limit"},
    Route{"GET", "/v1/events/stream", Page::EventStream, Source::Stream, kViewer, "since"},
    Route{"GET", "/v1/sd/prometheus", Page::Targets, Source::Cluster, kViewer, ""},
    Route{"GET", "/v1/kv", Page::Keys, Source::Cluster, kViewer,
          "stale,index,wait,prefix,keys_only,limit,from"},
    Route{"DELETE", "/v1/kv", Page::Keys, Source::Change, kOperator, "prefix"},
    Route{"GET", "/v1/kv/{key...}", Page::Key, Source::Cluster, kViewer, "stale,index,wait,raw"},
    Route{"PUT", "/v1/kv/{key...}", Page::Key, Source::Change, kOperator, "", kValueBytes},
    Route{"DELETE", "/v1/kv/{key...}", Page::Key, Source::Change, kOperator, ""},
    Route{"GET", "/v1/watch", Page::Watch, Source::Stream, kViewer, "prefix,index"},
    Route{"GET", "/v1/leases", Page::Leases, Source::Cluster, kViewer, kListing},
    Route{"GET", "/v1/leases/{name}", Page::Lease, Source::Cluster, kViewer, kListing},
    Route{"PUT", "/v1/leases/{name}", Page::Lease, Source::Change, kOperator, "", kSmall},
    Route{"DELETE", "/v1/leases/{name}", Page::Lease, Source::Change, kOperator, "holder,token"},
    Route{"GET", "/v1/tokens", Page::Tokens, Source::Cluster, kAdmin, kListing},
    Route{"POST", "/v1/tokens", Page::Tokens, Source::Change, kAdmin, "", kSmall},
    Route{"DELETE", "/v1/tokens/{id}", Page::Token, Source::Change, kAdmin, ""},
    Route{"GET", "/v1/users/certificates", Page::UserCertificates, Source::Cluster, kAdmin,
          kListing},
    Route{"POST", "/v1/users/certificates", Page::UserCertificates, Source::Operation, kAdmin, "",
          kSmall},
    Route{"DELETE", "/v1/users/certificates/{serial}", Page::UserCertificate, Source::Change,
          kAdmin, ""},
    Route{"POST", "/v1/users/{name}/revoke", Page::UserRevocation, Source::Change, kAdmin, "",
          kSmall},
    Route{"GET", "/v1/silences", Page::Silences, Source::Cluster, kViewer, kListing},
    Route{"POST", "/v1/silences", Page::Silences, Source::Change, kOperator, "", kSmall},
    Route{"DELETE", "/v1/silences/{id}", Page::Silence, Source::Change, kOperator, ""},
    Route{"GET", "/v1/masters", Page::Masters, Source::Cluster, kViewer, kListing},
    Route{"POST", "/v1/masters", Page::Masters, Source::Operation, kAdmin, "", kSmall},
    Route{"POST", "/v1/masters/transfer", Page::Transfer, Source::Operation, kAdmin, "", kSmall},
    Route{"DELETE", "/v1/masters/{name}", Page::Master, Source::Operation, kAdmin, ""},
    Route{"POST", "/v1/join", Page::Join, Source::Operation, std::nullopt, "", kSmall},
    Route{"GET", "/v1/ca", Page::Authorities, Source::Cluster, std::nullopt, "stale"},
    Route{"POST", "/v1/ca/rotate", Page::AuthorityRotation, Source::Operation, kAdmin, "", kSmall},
    Route{"GET", "/v1/keyring", Page::GossipKeys, Source::Cluster, kViewer, kListing},
    Route{"POST", "/v1/keyring/rotate", Page::GossipKeyRotation, Source::Operation, kAdmin, "",
          kSmall},
    Route{"GET", "/v1/rotations", Page::Rotations, Source::Cluster, kViewer, ""},
    Route{"GET", "/v1/snapshot", Page::Snapshot, Source::Operation, kAdmin, ""},
};

// What stands in `path` for the braces of `pattern`; nothing when it does not fit. A pattern
// without braces gives an empty text.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos) {
    return pattern == path ? std::optional<std::string_view>("") : std::nullopt;
  }
  const std::size_t close = pattern.find('}');
  const std::string_view before = pattern.substr(0, open);
  const std::string_view after = pattern.substr(close + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after)) {
    return std::nullopt;
  }
  const std::string_view middle =
      path.substr(before.size(), path.size() - before.size() - after.size());
  const bool whole_rest = pattern.substr(0, close).ends_with("...");
  if (!whole_rest && middle.find('/') != std::string_view::npos) return std::nullopt;
  return middle;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

bool blocks(const Route& route) { return route.query.find("index,wait") != std::string_view::npos; }

RouteMatch find_route(std::string_view method, std::string_view path) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : kRoutes) {
    if (route.method != wanted) continue;
    const auto name = fit(route.path, path);
    if (!name) continue;
    auto decoded = percent_decoded(*name);
    if (!decoded) return {&route, std::string(*name), true};
    return {&route, std::move(*decoded), false};
  }
  return {};
}

std::string allowed_methods(std::string_view path) {
  std::string allowed;
  for (const Route& route : kRoutes) {
    if (!fit(route.path, path) || allowed.find(route.method) != std::string::npos) continue;
    allowed += allowed.empty() ? "" : ", ";
    allowed += route.method;
    if (route.method == "GET") allowed += ", HEAD";
  }
  return allowed;
}

}  // namespace muster::agent
