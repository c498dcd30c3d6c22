#include "agent/civetweb_handlers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "agent/api_access.h"
#include "agent/openapi.h"
#include "agent/scrape_answer.h"
#include "base/problem.h"
#include "base/quantity.h"

namespace muster::agent {
namespace {

constexpr std::string_view kYamlType = "application/yaml";

ApiResponse busy(std::string_view with_what) {
  std::string detail = "too many requests ";
  detail += with_what;
  return problem(503, "busy", detail, "try again in a second, or ask another agent")
      .with("Retry-After", "1");
}

// If-None-Match: it has this ETag, or any.
bool same_tag(std::string_view wanted, std::string_view tag) {
  if (wanted.empty() || tag.empty()) return false;
  if (wanted == "*") return true;
  while (!wanted.empty()) {
    std::string_view one = wanted.substr(0, wanted.find(','));
    wanted.remove_prefix(std::min(wanted.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag) return true;
  }
  return false;
}

std::uint64_t decimal(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Of many clients that all begin at once, not all come back at once.
Duration with_jitter(Duration wait) {
  const auto ticks = std::chrono::steady_clock::now().time_since_epoch().count();
  return wait + wait * (ticks / 64 % 64) / (16 * 64);
}

}  // namespace

Handlers::Handlers(HttpPorts ports, const CivetwebServer::Options& options)
    : ports_(std::move(ports)), options_(options) {
  watches_.published(ports_.view());
}

int Handlers::serve(Exchange& exchange, bool close) {
  const Attendance attendance(*desk_);
  Trail trail;
  trail.caller.actor.address = exchange.address();
  ApiResponse response;
  try {
    response = answer(exchange, trail);
  } catch (const std::exception& error) {  // out of memory; it must not unwind into C
    response = problem(500, "internal error", error.what());
  }
  audit(exchange, trail, response.status);
  if (!trail.streamed) exchange.answer(response, close || desk_->stopping());
  return response.status;
}

ApiResponse Handlers::answer(Exchange& exchange, Trail& trail) {
  if (exchange.stray()) {
    return problem(403, "not permitted", "this port is for the agent itself",
                   "use the agent's HTTPS port");
  }
  if (exchange.path().size() + exchange.query().size() > CivetwebServer::kUriBytesMax) {
    return problem(
        414, "too long",
        "the URI has more than " + std::to_string(CivetwebServer::kUriBytesMax) + " bytes");
  }
  RouteMatch match = find_route(exchange.method(), exchange.path());
  if (match.route == nullptr) {
    std::string allowed = allowed_methods(exchange.path());
    if (allowed.empty()) {
      return problem(404, "not found", "no such path: " + in_quotes(exchange.path()),
                     "GET /v1/openapi.yaml lists every path");
    }
    return problem(405, "wrong method", in_quotes(exchange.path()) + " takes " + allowed)
        .with("Allow", allowed);
  }
  const Route& route = *match.route;
  if (misled(exchange, route)) {
    return problem(421, "misdirected", "this agent is not asked under that name",
                   "write its address, localhost or its node's name");
  }
  if (auto refused = keep_out(exchange, route, trail)) return std::move(*refused);
  auto query = Query::parse(exchange.query());
  if (!query) return problem(query.error());
  const bool strict = exchange.path().starts_with("/v1/");
  if (const std::string other = query->stranger(route.query); strict && !other.empty()) {
    std::string takes(route.query.empty() ? "none" : route.query);
    return problem(400, "wrong request",
                   "no such parameter: " + in_quotes(other) + "; this takes " + takes);
  }
  if (match.undecodable) {
    return problem(
        400, "wrong request",
        in_quotes(match.name) + ": a percent sign is followed by two hexadecimal digits");
  }
  Request request{exchange, route, std::move(match.name), std::move(*query), trail.caller, {}, {}};
  if (route.source == Source::Stream) return stream(request, trail.streamed);
  if (route.page == Page::Join) return join(exchange, request, trail);
  ApiResponse response =
      writes(route) || route.source == Source::Operation ? change(request) : read(request);
  trail.id = request.id;
  trail.subject = request.subject;
  return response;
}

Error Handlers::no_answer() {
  if (desk_->stopping()) return {Code::Unavailable, "this agent is stopping: ask another"};
  return {Code::Unknown, "no answer in " +
                             std::to_string(static_cast<int>(seconds(options_.patience))) +
                             " s: it may or may not have been done"};
}

// --- reads ---
ApiResponse Handlers::read(const Request& request) {
  switch (request.route.page) {
    case Page::Metrics: return metrics(request);
    case Page::Description: return {200, std::string(kYamlType), std::string(openapi_text())};
    case Page::Logs: return logs(request);
    case Page::Self: return self(request);
    case Page::History:
    case Page::HistorySeries: return history(request);
    default: break;
  }
  ApiResponse response =
      request.route.source == Source::Cluster ? cluster_read(request) : own_read(request);
  if (same_tag(request.exchange.header("If-None-Match"), response.header("ETag"))) {
    response.status = 304;
  }
  return response;
}

ApiResponse Handlers::own_read(const Request& request) {
  if (blocks(request.route)) {
    auto held = blocking(request.route.page, request.name, request.query);
    if (!held) return problem(held.error());
    if (*held) {
      const Place place(watching_, CivetwebServer::kWatchingMax);
      if (!place.taken()) return busy("wait for news here");
      watches_.wait(**held, with_jitter((*held)->wait), *desk_);
    }
  }
  auto answer = answer_read(*ports_.view(), request.exchange.path(), request.exchange.query());
  return answer ? std::move(*answer) : no_coordinator(*ports_.view());
}

ApiResponse Handlers::cluster_read(const Request& request) {
  std::optional<Blocking> held;
  if (blocks(request.route)) {
    auto parsed = blocking(request.route.page, request.name, request.query);
    if (!parsed) return problem(parsed.error());
    held = std::move(*parsed);
  }
  const bool master = ports_.view()->master != nullptr;
  std::string query = request.query.raw("index,wait");
  const bool bytes =
      request.exchange.header("Accept") == kBytesType && request.route.page == Page::Key;
  if (bytes && !request.query.has("raw")) query += query.empty() ? "raw" : "&raw";
  if (held) {
    const Place place(watching_, CivetwebServer::kWatchingMax);
    if (!place.taken()) return busy("wait for news here");
    held->wait = with_jitter(held->wait);
    if (master) {
      watches_.wait(*held, held->wait, *desk_);
    } else {
      auto news = forwarded_wait(request, *held, query);
      if (news) return std::move(*news);
    }
  }
  if (master && request.query.has("stale")) return stale_read(request, query);
  const Place place(waiting_, CivetwebServer::kWaitingMax);
  if (!place.taken()) return busy("wait for the coordinator here");
  return ask({std::string(request.exchange.path()), std::move(query), request.caller});
}

// A master holds a read for some seconds: this asks again until the client's wait is over. Nothing
// when there was no news.
std::optional<ApiResponse> Handlers::forwarded_wait(const Request& request, Blocking& held,
                                                    const std::string& query) {
  const auto until = std::chrono::steady_clock::now() + held.wait;
  for (auto now = until - held.wait; now < until; now = std::chrono::steady_clock::now()) {
    const Duration wait = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    std::string asked = query.empty() ? "" : query + "&";
    asked += "index=" + std::to_string(held.index);
    asked += "&wait=" + duration_text(std::min(wait, kForwardedWait));
    ApiResponse answer =
        ask({std::string(request.exchange.path()), std::move(asked), request.caller});
    if (answer.status != 304) return answer;
    held.index = std::max(held.index, decimal(answer.header(kIndexHeader)));
  }
  return std::nullopt;
}

ApiResponse Handlers::stale_read(const Request& request, const std::string& query) {
  const auto view = ports_.view();
  auto answer = answer_read(*view, request.exchange.path(), query);
  if (!answer) return no_coordinator(*view);
  answer->with("Muster-Stale", "true");
  if (const auto since = ports_.since_leader()) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*since).count();
    answer->with("Muster-Last-Contact", std::to_string(ms));
  }
  return std::move(*answer);
}

ApiResponse Handlers::ask(ReadRequest read) {
  const std::string path = read.path;
  const std::string query = read.query;
  auto got = desk_->wait<Result<ReadAnswer>>(
      options_.patience, [&](const std::shared_ptr<Slot<Result<ReadAnswer>>>& slot) {
        ports_.read(std::move(read),
                    [slot](Result<ReadAnswer> answer) { slot->put(std::move(answer)); });
      });
  const std::string_view next =
      "try again; a master answers with what it knows when asked with ?stale";
  if (!got) {
    if (desk_->stopping()) return problem(no_answer());
    return problem(Error{Code::Timeout, "the coordinator did not answer in time"}, next);
  }
  if (!*got) return problem(got->error(), next);
  if (auto* forwarded = std::get_if<ApiResponse>(&**got)) return std::move(*forwarded);
  const auto& view = std::get<std::shared_ptr<const View>>(**got);
  auto answer = answer_read(*view, path, query);
  return answer ? std::move(*answer) : no_coordinator(*view);
}

ApiResponse Handlers::self(const Request& request) {
  return self_response(request.caller.actor, ports_.authenticate != nullptr);
}

ApiResponse Handlers::metrics(const Request& request) {
  const Exchange& exchange = request.exchange;
  return scrape_answer(ports_.metrics,
                       {std::string(exchange.query()), std::string(exchange.header("Accept")),
                        std::string(exchange.header("Accept-Encoding")),
                        std::string(exchange.header("X-Prometheus-Scrape-Timeout-Seconds"))});
}

ApiResponse Handlers::history(const Request& request) {
  const NodeName node = ports_.view()->self.name;
  if (!ports_.history) {
    return problem(404, "not found", "this node keeps no history",
                   "set history.interval in its configuration");
  }
  if (request.route.page == Page::HistorySeries) {
    const auto series = ports_.history_series();
    return series ? series_response(node, *series) : problem(series.error());
  }
  const auto wanted = history_query(request.query);
  if (!wanted) return problem(wanted.error());
  const auto read = ports_.history(*wanted);
  return read ? history_response(node, *read) : problem(read.error());
}

ApiResponse Handlers::logs(const Request& request) {
  const InstanceId instance = log_instance(request.exchange.path());
  if (instance == 0) {
    return problem(404, "not found", "no instance has the number " + in_quotes(request.name),
                   "GET /v1/workloads lists every instance");
  }
  const auto lines = request.query.number("lines", 100, CivetwebServer::kLogLinesMax);
  if (!lines) return problem(lines.error());
  auto text = ports_.log_tail(instance, static_cast<unsigned>(*lines));
  if (text) return {200, std::string(kTextType), std::move(*text)};
  const auto view = ports_.view();
  if (text.error().code == Code::NotFound && view->master) {
    const auto& placements = view->master->state->placements;
    const auto placement = placements.find(instance);
    if (placement != placements.end() && placement->second.node != view->self.name) {
      text.error().text += ": ask node " + placement->second.node;
    }
  }
  return problem(text.error());
}

}  // namespace muster::agent
