// The part of Runtime behind the HTTP server: its ports, and who may use them.
#include <algorithm>
#include <utility>

#include <asio/ip/address.hpp>
#include <asio/post.hpp>

#include "agent/api_access.h"
#include "agent/asio_tls_front.h"
#include "agent/asio_wiring.h"
#include "agent/credentials.h"
#include "agent/posix_clock.h"
#include "agent/spdlog_journal.h"
#include "failover/posix_logs.h"
#include "identity/openssl_authority.h"
#include "identity/openssl_certificate.h"
#include "identity/token.h"

namespace muster::agent {
namespace {

constexpr std::size_t kLogTailBytesMax = std::size_t{1} << 20;
constexpr std::string_view kBearer = "Bearer ";

// Of a cluster with this state. A join token names the authority that its node will meet.
Result<NewSecret> new_secret(const ClusterState& state, const TokenRecord& token) {
  const std::string random =
      identity::random_bytes(identity::kTokenIdBytes + identity::kSecretBytes);
  if (token.kind == TokenKind::Api) {
    const identity::ApiToken made = identity::api_token(random);
    return NewSecret{made.id, identity::text_of(made), identity::sha256(made.secret)};
  }
  for (const auto& [id, authority] : state.authorities) {
    if (!authority.active) continue;
    const auto certificate = identity::read_certificate(authority.certificate);
    if (!certificate) return tl::unexpected<Error>(certificate.error());
    const identity::JoinToken made =
        identity::join_token(token.node_role, certificate->pin, random);
    return NewSecret{made.id, identity::text_of(made), identity::sha256(made.secret)};
  }
  return fail(Code::Unavailable, "no authority is known here yet: ask a master");
}

// Commands on this node ask there, unless they are told otherwise.
bool leaves_loopback_out(const Address& listen) {
  asio::error_code error;
  const auto ip = asio::ip::make_address(listen.host, error);
  return !error && !ip.is_loopback() && !ip.is_unspecified();
}

}  // namespace

Result<Caller> Runtime::authenticate(const Credentials& shown) {
  const auto view = views_.read();
  const auto state = view->master ? view->master->state : known_.read();
  if (state->index == 0) {
    return fail(Code::Unavailable,
                "who may ask is not known yet: this agent has just started and has heard no "
                "coordinator since; nothing was checked");
  }
  Caller caller;
  caller.actor.address = shown.address;
  if (shown.certificate) {
    const UserIdentity& user = *shown.certificate;
    if (state->revoked.contains(user.serial)) {
      return fail(Code::PermissionDenied, "this certificate is revoked: ask for another one");
    }
    if (user.expires <= wall_now()) {
      return fail(Code::PermissionDenied, "this certificate has expired: ask for another one");
    }
    caller.role = user.role;
    caller.actor.name = user.name;
    caller.actor.role = to_text(user.role);
    return caller;
  }
  std::string_view token = shown.authorization;
  if (token.starts_with(kBearer)) token.remove_prefix(kBearer.size());
  auto actor = actor_of(*state, identity::sha256, token, Role::Viewer, wall_now());
  if (!actor) return tl::unexpected<Error>(actor.error());
  caller.role = parse_role(actor->role).value_or(Role::Viewer);
  caller.actor.name = std::move(actor->name);
  caller.actor.role = std::move(actor->role);
  caller.authorization = token;
  return caller;
}

void Runtime::audit(const AuditRecord& record) {
  const Status written = audit_->write(record, wall_now());
  if (written) return;
  instruments_.count("muster_audit_lost_total", {});
  say(Level::Error, written.error().text);
}

void Runtime::offer_changes(HttpPorts& ports) {
  ports.write = [this](WriteRequest request, Done<Outcome> done) {
    asio::post(io_, [this, request = std::move(request), done = std::move(done)]() mutable {
      writes_[++last_request_] = std::move(done);
      happened(WriteRequested{last_request_, std::move(request.body), std::move(request.id),
                              std::move(request.caller.actor),
                              std::move(request.caller.authorization), request.asked});
    });
  };
  ports.read = [this](ReadRequest request, Done<ReadAnswer> done) {
    asio::post(io_, [this, request = std::move(request), done = std::move(done)]() mutable {
      reads_[++last_request_] = std::move(done);
      happened(ReadRequested{last_request_, std::move(request.path), std::move(request.query),
                             std::move(request.caller.authorization)});
    });
  };
  ports.operate = [this](TaskRequest request, Done<ApiResponse> done) {
    asio::post(io_, [this, request = std::move(request), done = std::move(done)]() mutable {
      start_task(std::move(request), std::move(done));
    });
  };
}

void Runtime::start_task(TaskRequest request, Done<ApiResponse> done) {
  if (const auto* change = std::get_if<ChangeMasters>(&request.task)) {
    writes_[++last_request_] = [done = std::move(done)](Result<Outcome> outcome) {
      if (!outcome) return done(tl::unexpected<Error>(outcome.error()));
      done(changed_response(*outcome));
    };
    happened(MastersChangeRequested{last_request_, change->change, change->name,
                                    std::move(request.caller.authorization)});
    return;
  }
  const auto* join = std::get_if<JoinNode>(&request.task);
  auto* certify = std::get_if<rpc::CertifyUser>(&request.task);
  if (join != nullptr || certify != nullptr) {
    writes_[++last_request_] = [done = std::move(done)](Result<Outcome> outcome) {
      if (!outcome) return done(tl::unexpected<Error>(outcome.error()));
      ApiResponse answer;
      answer.body = std::move(outcome->text);
      done(std::move(answer).with("Cache-Control", "no-store"));
    };
    if (join != nullptr) {
      happened(JoinRequested{last_request_, join->body, request.caller.actor.address});
      return;
    }
    certify->by = std::move(request.caller.actor);
    certify->authorization = std::move(request.caller.authorization);
    happened(CertifyRequested{last_request_, std::move(*certify)});
    return;
  }
  const bool gossip = std::holds_alternative<RotateGossipKeys>(request.task);
  writes_[++last_request_] = [done = std::move(done)](Result<Outcome> outcome) {
    if (!outcome) return done(tl::unexpected<Error>(outcome.error()));
    done(changed_response(*outcome));
  };
  happened(RotationRequested{last_request_,
                             gossip ? rpc::Rotation::GossipKey : rpc::Rotation::Authority,
                             std::move(request.caller.authorization)});
}

HttpPorts Runtime::http_ports() {
  HttpPorts ports;
  ports.view = [this] { return views_.read(); };
  ports.metrics = [this](const collector::ScrapeRequest& request) {
    return scrapes_.answer(request);
  };
  ports.since_leader = [this]() -> std::optional<Duration> {
    const Instant heard = leader_contact_;
    if (heard == Instant::min()) return std::nullopt;
    return std::max(Duration::zero(), control_now() - heard);
  };
  ports.log_tail = [this](InstanceId instance, unsigned lines) -> Result<std::string> {
    const auto view = views_.read();
    const auto found = view->instances.find(instance);
    if (found == view->instances.end()) {
      return fail(Code::NotFound,
                  "instance " + std::to_string(instance) + " does not run on this node");
    }
    return failover::tail(found->second.log_path, lines, kLogTailBytesMax);
  };
  if (history_) {
    ports.history = [this](const HistoryQuery& query) { return history_->read(query); };
    ports.history_series = [this] { return history_->series(); };
  }
  offer_changes(ports);
  ports.audit = [this](const AuditRecord& record) { audit(record); };
  ports.count = [this](const std::string& metric, double by) {
    instruments_.count(metric, {}, by);
  };
  if (!config_.secured()) return ports;
  ports.authenticate = [this](const Credentials& shown) { return authenticate(shown); };
  ports.new_secret = [this](const TokenRecord& token) -> Result<NewSecret> {
    const auto view = views_.read();
    return new_secret(view->master ? *view->master->state : *known_.read(), token);
  };
  return ports;
}

Status Runtime::open_http() {
  auto audit = PosixAudit::open(config_.data_dir + "/audit.log");
  if (!audit) return tl::unexpected<Error>(audit.error());
  audit_ = std::move(*audit);
  const Address listen{config_.listen.address, config_.listen.http_port};
  CivetwebServer::Options options;
  if (tls_) options.front = identity::sha256(identity::random_bytes(32));
  auto server =
      CivetwebServer::open(tls_ ? Address{"127.0.0.1", 0} : listen, http_ports(), options);
  if (!server) return tl::unexpected<Error>(server.error());
  http_ = std::move(*server);
  if (!tls_) return {};
  FrontOptions front;
  front.listen = listen;
  if (leaves_loopback_out(listen)) front.also = Address{"127.0.0.1", listen.port};
  front.server = http_->address();
  front.connections = CivetwebServer::kThreads;
  front.secret = options.front;
  auto opened = AsioTlsFront::open(front, tls_, [this](const AsioRpc::Dropped& what) {
    instruments_.count("muster_http_dropped_total", {{"reason", what.reason}});
  });
  if (!opened) return tl::unexpected<Error>(opened.error());
  front_ = std::move(*opened);
  if (front.also && front_->also() == Address{}) {
    say(Level::Warning, "commands on this node have to be told --address " + listen.text() + ": " +
                            front_->why_not_also());
  }
  return {};
}

Status Runtime::open_door() {
  if (config_.metrics.listen.host.empty()) return {};
  DoorOptions options;
  options.listen = config_.metrics.listen;
  options.web_config = config_.metrics.web_config;
  options.must_prove = config_.door_must_prove();
  DoorPorts ports;
  ports.scrape = [this](const ScrapeAsked& asked) {
    return scrape_answer(
        [this](const collector::ScrapeRequest& request) { return scrapes_.answer(request); },
        asked);
  };
  ports.dropped = [this](const std::string& reason, const std::string& meaning,
                         const Address& from) {
    instruments_.count("muster_http_dropped_total", {{"reason", reason}});
    asio::post(io_,
               [this, reason, meaning, from] { say_dropped("metrics", reason, meaning, from); });
  };
  ports.not_proved = [this](const Address& from) {
    instruments_.count("muster_http_auth_failures_total", {});
    asio::post(io_, [this, from] {
      say_dropped("metrics", "not_proved", "no such user, or another password", from);
    });
  };
  ports.reloaded = [](bool good, const std::string& text) {
    say(good ? Level::Info : Level::Error, text);
  };
  auto opened = AsioMetricsDoor::open(std::move(options), std::move(ports));
  if (!opened) return tl::unexpected<Error>(opened.error());
  door_ = std::move(*opened);
  say(Level::Info, "metrics at " + door_->text());
  if (door_->shows_passwords() && config_.door_must_prove()) {
    say(Level::Warning,
        "passwords for metrics cross the network in the clear: set tls_server_config in " +
            config_.metrics.web_config);
  }
  return {};
}

}  // namespace muster::agent
