// The part of Handlers that changes something.
#include <chrono>
#include <random>
#include <utility>

#include "agent/api_access.h"
#include "agent/api_kv.h"
#include "agent/api_writes.h"
#include "agent/civetweb_handlers.h"
#include "agent/yaml_api.h"
#include "base/problem.h"
#include "base/protobuf_codec.h"
#include "failover/found_anew.h"
#include "identity/join_json.h"
#include "identity/token.h"

namespace muster::agent {
namespace {

constexpr std::size_t kRequestIdBytesMax = 128;

std::string random_request_id() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::random_device device;
  std::string id = "http-";
  for (int word = 0; word < 4; ++word) {
    std::uint32_t bits = device();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4) id += kHex[bits & 15];
  }
  return id;
}

WallTime wall_now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

ApiResponse too_large(const Route& route) {
  const bool value = route.page == Page::Key;
  std::string detail = value ? "a value" : "the body";
  detail += " may have at most " + std::to_string(route.body_bytes) + " bytes";
  return problem(
      413, "too large", detail,
      value ? "keep what is larger elsewhere and put its place and its digest here" : "");
}

// Who wants to join, and by which token: names only, and none that nobody could have.
std::string who_joins(const std::string& body) {
  const auto join = identity::parse_join_request(body);
  if (!join || !valid_name(join->name)) return {};
  std::string text = "node " + join->name;
  if (const auto token = identity::parse_join_token(join->token)) text += ", token " + token->id;
  return text;
}

std::string workloads_of(const std::vector<CommandBody>& writes) {
  std::string text;
  for (const CommandBody& write : writes) {
    const auto* put = std::get_if<PutWorkload>(&write);
    if (put == nullptr) continue;
    text += (text.empty() ? "workload " : ", ") + put->spec.name;
  }
  return text;
}

// The id of what a request makes: the same when the request is repeated.
std::string made_id(const std::string& request_id) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string id;
  for (std::uint64_t bits = fnv1a64(request_id); id.size() < 16; bits >>= 4) id += kHex[bits & 15];
  return id;
}

// A digest of everything that says what is to be changed. None but the body has line ends.
std::uint64_t asked_by(const Exchange& exchange, const std::string& body) {
  std::uint64_t digest = kFnvOffset;
  for (const std::string_view part :
       {exchange.method(), exchange.path(), exchange.query(), exchange.header("If-Match"),
        exchange.header("If-None-Match"), std::string_view(body)}) {
    digest = fnv1a64("\n", fnv1a64(part, digest));
  }
  return digest;
}

}  // namespace

ApiResponse Handlers::change(Request& request) {
  if (request.exchange.has_header("Origin")) {
    return problem(403, "not permitted", "web pages may not change anything",
                   "send no Origin header");
  }
  const std::string_view given = request.exchange.header("Muster-Request-Id");
  if (given.size() > kRequestIdBytesMax || !one_line_text(given)) {
    return problem(400, "wrong request",
                   "Muster-Request-Id: expected one line of at most 128 bytes");
  }
  request.id = given.empty() ? random_request_id() : std::string(given);
  std::string body;
  if (request.route.body_bytes > 0) {
    auto read = request.exchange.body(request.route.body_bytes);
    if (!read) return too_large(request.route);
    body = std::move(*read);
  }
  request.asked = asked_by(request.exchange, body);
  const Place place(waiting_, CivetwebServer::kWaitingMax);
  if (!place.taken()) {
    return problem(503, "busy", "too many requests wait for the coordinator here",
                   "try again in a second, or ask another agent")
        .with("Retry-After", "1");
  }
  const std::string id = request.id;
  return dispatch(request, std::move(body)).with(kRequestIdHeader, id);
}

ApiResponse Handlers::dispatch(Request& request, std::string body) {
  if (request.route.source == Source::Operation) return operate(request, std::move(body));
  switch (request.route.page) {
    case Page::Workloads: return put_workloads(request, body);
    case Page::Workload:
      if (!valid_name(request.name)) {
        return problem(Error{Code::NotFound, "no workload is called " + in_quotes(request.name)});
      }
      return put_all(request, {StopWorkload{request.name}});
    case Page::Key: return change_key(request, std::move(body));
    case Page::Keys:
      if (!request.query.has("prefix")) {
        return problem(400, "wrong request", "prefix is missing: which keys shall go?",
                       "send ?prefix=PREFIX; an empty one stands for every key");
      }
      return simple_change(request, DeletePrefix{request.query.text("prefix")});
    case Page::Lease: return change_lease(request, body);
    case Page::Tokens: return make_token(request, body);
    case Page::Token: return simple_change(request, DeleteToken{request.name});
    case Page::Silences: return make_silence(request, body);
    case Page::Silence: return simple_change(request, DeleteSilence{request.name});
    case Page::UserCertificate:
      return simple_change(request, RevokeUserCertificates{"", request.name});
    case Page::UserRevocation:
      return simple_change(request, RevokeUserCertificates{request.name, ""});
    case Page::Revocation: return simple_change(request, RevokeNode{request.name});
    default: return problem(Error{Code::Internal, "no handler for this path"});
  }
}

Result<Outcome> Handlers::propose(const Request& request, CommandBody body, std::string id) {
  auto got = desk_->wait<Result<Outcome>>(
      options_.patience, [&](const std::shared_ptr<Slot<Result<Outcome>>>& slot) {
        ports_.write({std::move(body), std::move(id), request.caller, request.asked},
                     [slot](Result<Outcome> result) { slot->put(std::move(result)); });
      });
  if (got) return std::move(*got);
  return tl::unexpected<Error>(no_answer());
}

ApiResponse Handlers::simple_change(Request& request, CommandBody body) {
  const auto outcome = propose(request, std::move(body), request.id);
  if (!outcome) return problem(outcome.error());
  return changed_response(*outcome);
}

// --- workloads ---
ApiResponse Handlers::put_workloads(Request& request, const std::string& body) {
  auto writes = parse_writes(body);
  if (!writes) return problem(writes.error());
  request.subject = workloads_of(*writes);
  return put_all(request, std::move(*writes));
}

ApiResponse Handlers::put_all(Request& request, std::vector<CommandBody> writes) {
  std::vector<std::string> results;
  for (CommandBody& body : writes) {
    // Each write of a request has an id of its own: a repeated request does what is missing.
    const std::size_t done = results.size();
    auto outcome = propose(request, std::move(body),
                           done == 0 ? request.id : request.id + "/" + std::to_string(done));
    if (!outcome) {
      Error error = std::move(outcome.error());
      if (writes.size() > 1) {
        error.text = "document " + std::to_string(done + 1) + " of " +
                     std::to_string(writes.size()) + ": " + error.text +
                     (done == 0 ? "" : "; those before it were taken");
      }
      return problem(error);
    }
    results.push_back(std::move(outcome->text));
  }
  return {200, std::string(kJsonType), results_json(results)};
}

// --- keys ---
ApiResponse Handlers::change_key(Request& request, std::string body) {
  if (Status valid = check_key(request.name); !valid) return problem(valid.error());
  const auto expected =
      expected_index(request.exchange.header("If-Match"), request.exchange.header("If-None-Match"));
  if (!expected) return problem(expected.error());
  CommandBody command = DeleteKey{request.name, *expected};
  if (request.route.method == "PUT") {
    command = PutKey{request.name, std::make_shared<const std::string>(std::move(body)), *expected};
  }
  const auto outcome = propose(request, std::move(command), request.id);
  if (outcome) return key_changed_response(*outcome, request.route.method == "PUT");
  if (outcome.error().code != Code::Conflict || !*expected) return problem(outcome.error());
  // What is there now, so that the client can decide without one more request.
  const ApiResponse present = ask({"/v1/kv/" + percent_encoded(request.name), "", request.caller});
  ApiResponse refused = problem(412, "precondition failed", outcome.error().text);
  if (present.status == 200) refused.with("ETag", std::string(present.header("ETag")));
  return refused;
}

// --- leases, tokens, silences ---
ApiResponse Handlers::change_lease(Request& request, const std::string& body) {
  const bool put = request.route.method == "PUT";
  auto command =
      put ? parse_lease(request.name, body)
          : release_of(request.name, request.query.text("holder"), request.query.text("token"));
  if (!command) return problem(command.error());
  const CommandBody asked = *command;
  const auto outcome = propose(request, std::move(*command), request.id);
  if (!outcome) return problem(outcome.error());
  return put ? lease_response(asked, *outcome) : changed_response(*outcome);
}

ApiResponse Handlers::make_token(Request& request, const std::string& body) {
  auto token = parse_token_request(body, wall_now());
  if (!token) return problem(token.error());
  if (!ports_.new_secret) {
    return problem(409, "conflict", "this cluster has no identity: whoever reaches it is an admin",
                   "make a secured cluster with \"muster init\"");
  }
  auto made = ports_.new_secret(*token);
  if (!made) return problem(made.error());
  token->id = made->id;
  token->sha256 = made->sha256;
  request.subject = "token " + token->id;
  const auto outcome = propose(request, PutToken{*token}, request.id);
  if (!outcome) return problem(outcome.error());
  // Asked twice by this agent itself, because the coordinator was lost: the secret is at hand.
  const bool this_one = outcome->text.find(token->id) != std::string::npos;
  if (outcome->repeated && !this_one) {
    return problem(409, "conflict",
                   "this request made its token when it came first, and a secret is shown once",
                   "delete that token and make another");
  }
  return token_made_response(*token, made->secret, *outcome);
}

ApiResponse Handlers::make_silence(Request& request, const std::string& body) {
  auto put = parse_silence(body, made_id(request.id), wall_now());
  if (!put) return problem(put.error());
  put->silence.created_by = request.caller.actor.name;
  const std::string id = put->id;
  request.subject = "silence " + id;
  const auto outcome = propose(request, std::move(*put), request.id);
  if (!outcome) return problem(outcome.error());
  return made_response(id, *outcome);
}

// --- what only the coordinator does ---
// Made on this thread from a view that nobody changes: the control thread does not wait for it.
ApiResponse Handlers::save_snapshot(const Request& request) {
  const auto elsewhere = [this] {
    const auto view = ports_.view();
    std::string next = "ask the coordinator";
    if (view->master != nullptr) {
      const auto& nodes = view->master->state->nodes;
      if (const auto found = nodes.find(view->coordinator); found != nodes.end()) {
        next += " " + view->coordinator + " at " + found->second.info.http.text();
      }
    }
    return problem(Error{Code::Unavailable, "only the coordinator gives a snapshot; " + next},
                   next);
  };
  const auto known = ports_.view();
  if (known->master == nullptr || !known->master->coordinating) return elsewhere();
  auto got = desk_->wait<Result<ReadAnswer>>(
      options_.patience, [&](const std::shared_ptr<Slot<Result<ReadAnswer>>>& slot) {
        ports_.read({"/v1/status", "", request.caller},
                    [slot](Result<ReadAnswer> answer) { slot->put(std::move(answer)); });
      });
  if (!got) return problem(no_answer());
  if (!*got) return problem(got->error());
  const auto* view = std::get_if<std::shared_ptr<const View>>(&**got);
  if (view == nullptr || (*view)->master == nullptr) return elsewhere();
  const MasterView& master = *(*view)->master;
  const auto info = failover::info_of(*master.state, (*view)->cluster, master.term,
                                      (*view)->self.name, (*view)->now);
  return ApiResponse{200, std::string(kBytesType),
                     failover::encode_snapshot(info, protobuf_codec().encode_state(*master.state))}
      .with(kIndexHeader, std::to_string(info.index));
}

ApiResponse Handlers::operate(Request& request, std::string body) {
  Task task;
  const Page page = request.route.page;
  if (page == Page::Snapshot) return save_snapshot(request);
  if (page == Page::Masters || page == Page::Transfer) {
    auto name = parse_master(body, page == Page::Transfer);
    if (!name) return problem(name.error());
    if (!name->empty()) request.subject = "master " + *name;
    task =
        ChangeMasters{page == Page::Masters ? rpc::MasterChange::Add : rpc::MasterChange::Transfer,
                      std::move(*name)};
  } else if (page == Page::Master) {
    task = ChangeMasters{rpc::MasterChange::Remove, request.name};
  } else if (page == Page::Join) {
    request.subject = who_joins(body);
    task = JoinNode{std::move(body)};
  } else if (page == Page::UserCertificates) {
    auto ask = parse_user_certificate(body);
    if (!ask) return problem(ask.error());
    request.subject = "user " + ask->name + " as " + std::string(to_text(ask->role));
    task = std::move(*ask);
  } else if (page == Page::AuthorityRotation) {
    task = RotateAuthority{};
  } else {
    CHECK(page == Page::GossipKeyRotation);
    task = RotateGossipKeys{};
  }
  if (!ports_.operate) return problem(Error{Code::Unavailable, "this agent cannot do that"});
  auto got = desk_->wait<Result<ApiResponse>>(
      CivetwebServer::kOperationPatience,
      [&](const std::shared_ptr<Slot<Result<ApiResponse>>>& slot) {
        ports_.operate({std::move(task), request.id, request.caller},
                       [slot](Result<ApiResponse> done) { slot->put(std::move(done)); });
      });
  if (!got) return problem(no_answer());
  if (!*got) return problem(got->error());
  return std::move(**got);
}

}  // namespace muster::agent
