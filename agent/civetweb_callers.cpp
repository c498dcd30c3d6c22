// The part of Handlers that finds out who asks, and keeps the others out.
#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/civetweb_handlers.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

constexpr std::size_t kAuditPathBytesMax = 1024;
constexpr std::size_t kSubjectBytesMax = 256;  // likewise in the audit log

Instant boot_now() {
  return Instant(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

// "10.0.0.1:7948" and "[::1]" are; a name that a web page brought with it is not.
bool numeric(std::string_view host) {
  if (host.starts_with('[')) return true;
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

ApiResponse too_many(Duration wait) {
  const auto whole = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return problem(429, "too many failures", "too many requests from here proved nobody",
                 "come again later, or ask from another address")
      .with("Retry-After", std::to_string(whole));
}

}  // namespace

// A browser believes that a page's host is this one when its name is made to mean this address. A
// plain agent answers whoever asks: so it answers under no name but its own. Health and metrics are
// left out: they are scraped under any name, and tell nothing that is secret.
bool Handlers::misled(const Exchange& exchange, const Route& route) {
  if (ports_.authenticate || route.page == Page::Health || route.page == Page::Ready ||
      route.page == Page::Metrics) {
    return false;
  }
  const std::string_view host = exchange.header("Host");
  if (host.empty() || numeric(host.substr(0, host.rfind(':'))) || numeric(host)) return false;
  const std::string_view name = host.substr(0, host.find(':'));
  return name != "localhost" && name != ports_.view()->self.name;
}

Result<Caller> Handlers::admit(const Exchange& exchange) {
  if (ports_.authenticate) {
    return ports_.authenticate(
        {exchange.header("Authorization"), exchange.address(), exchange.certificate()});
  }
  Caller anybody;
  anybody.actor = {"local", std::string(to_text(Role::Admin)), exchange.address()};
  return anybody;
}

// The answer for somebody who failed too often at this address: nothing that he shows is looked at.
// A certificate was proved before, in the handshake.
std::optional<ApiResponse> Handlers::must_wait(const Exchange& exchange) {
  if (!ports_.authenticate || exchange.certificate()) return std::nullopt;
  const std::lock_guard lock(attempts_mutex_);
  const Duration wait = attempts_.wait(exchange.address(), boot_now());
  if (wait == Duration::zero()) return std::nullopt;
  if (ports_.count) ports_.count("muster_http_auth_failures_total", 1);
  return too_many(wait);
}

// Counted, and for the audit log as long as there are not too many of them.
std::optional<ApiResponse> Handlers::failed(const Exchange& exchange, Trail& trail) {
  Duration wait{};
  {
    const std::lock_guard lock(attempts_mutex_);
    wait = attempts_.failed(exchange.address(), boot_now());
  }
  if (ports_.count) ports_.count("muster_http_auth_failures_total", 1);
  if (wait > Duration::zero()) return too_many(wait);
  trail.recorded = true;
  return std::nullopt;
}

std::optional<ApiResponse> Handlers::keep_out(const Exchange& exchange, const Route& route,
                                              Trail& trail) {
  if (!route.role) return std::nullopt;
  if (auto refused = must_wait(exchange)) return refused;
  auto admitted = admit(exchange);
  if (!admitted) {
    if (admitted.error().code != Code::PermissionDenied) return problem(admitted.error());
    if (auto refused = failed(exchange, trail)) return refused;
    return problem(401, "not authenticated", admitted.error().text,
                   "send \"Authorization: Bearer TOKEN\" with a token of role " +
                       std::string(to_text(*route.role)) + " or higher")
        .with("WWW-Authenticate", "Bearer realm=\"muster\"");
  }
  trail.caller = std::move(*admitted);
  if (trail.caller.role >= *route.role) return std::nullopt;
  return problem(403, "not permitted",
                 "this takes the role " + std::string(to_text(*route.role)) + ", " +
                     in_quotes(trail.caller.actor.name) + " has " +
                     std::string(to_text(trail.caller.role)));
}

// Who joins proves with a join token, which the coordinator looks at, that he may.
ApiResponse Handlers::join(Exchange& exchange, Request& request, Trail& trail) {
  if (auto refused = must_wait(exchange)) return std::move(*refused);
  ApiResponse response = change(request);
  trail.id = request.id;
  trail.subject = request.subject;
  if (response.status == 400 || response.status == 403 || response.status == 413) {
    if (auto refused = failed(exchange, trail)) return std::move(*refused);
  }
  return response;
}

// Every change of somebody who is known, done or not, and whoever was not let in.
void Handlers::audit(const Exchange& exchange, const Trail& trail, int status) {
  if (!ports_.audit) return;
  const bool reads = exchange.method() == "GET" || exchange.method() == "HEAD";
  const bool refused = status == 401 || status == 403;
  if (reads && trail.id.empty() && !refused) return;
  // What nobody sends fills no disk, unless it was done: a node joined.
  const bool known = !trail.caller.actor.name.empty();
  if (!known && !trail.recorded && (status >= 300 || trail.id.empty())) return;
  AuditRecord record;
  record.by = trail.caller.actor;
  record.method = exchange.method();
  record.path = exchange.path();
  if (!exchange.query().empty()) {
    record.path += '?';
    record.path += exchange.query();
  }
  if (record.path.size() > kAuditPathBytesMax) {
    record.path.resize(kAuditPathBytesMax);
    record.path += "...";
  }
  record.subject = trail.subject.substr(0, kSubjectBytesMax);
  record.status = status;
  record.request_id = trail.id;
  ports_.audit(record);
}

}  // namespace muster::agent
