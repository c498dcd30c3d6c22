#include "agent/api_access.h"

#include <nlohmann/json.hpp>

#include "agent/api_json.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

using nlohmann::json;

std::int64_t milliseconds(WallTime at) { return at.time_since_epoch().count(); }

json token_json(const TokenRecord& token) {
  const bool join = token.kind == TokenKind::Join;
  return {{"id", token.id},
          {"kind", join ? "join" : "api"},
          {"role", join ? json() : json(to_text(token.role))},
          {"join", join ? json(to_text(token.node_role)) : json()},
          {"uses_left", join ? json(token.uses_left) : json()},
          {"description", token.description},
          {"created", time_json(token.created)},
          {"created_by", token.created_by},
          {"expires", time_json(token.expires)}};
}

json silence_json(const std::string& id, const SilenceRecord& silence, WallTime now) {
  json matchers = json::array();
  for (const Matcher& matcher : silence.matchers) {
    matchers.push_back(
        {{"label", matcher.label}, {"op", to_text(matcher.kind)}, {"value", matcher.value}});
  }
  const char* state = "active";
  if (now < silence.starts) state = "pending";
  if (now >= silence.ends) state = "over";
  return {{"id", id},
          {"state", state},
          {"matchers", std::move(matchers)},
          {"starts", rfc3339(silence.starts)},
          {"starts_ms", milliseconds(silence.starts)},
          {"ends", rfc3339(silence.ends)},
          {"ends_ms", milliseconds(silence.ends)},
          {"created_by", silence.created_by},
          {"comment", silence.comment}};
}

json lease_json(const std::string& name, const LeaseRecord& lease) {
  return {{"name", name},
          {"holder", lease.holder},
          {"token", lease.token},
          {"ttl_ms", lease.ttl_ms},
          {"granted", rfc3339(lease.granted_at)},
          {"renewed_index", lease.renewed}};
}

json changed_json(const Outcome& outcome) {
  return {{"index", outcome.index}, {"result", outcome.text}};
}

}  // namespace

ApiResponse self_response(const Actor& actor, bool secured) {
  return ok_json({{"name", actor.name},
                  {"role", actor.role},
                  {"address", actor.address},
                  {"authenticated", secured}});
}

ApiResponse token_list(const MasterView& master) {
  json list = json::array();
  for (const auto& [id, token] : master.state->tokens) list.push_back(token_json(token));
  return listing("tokens", std::move(list), master);
}

ApiResponse user_certificate_list(const MasterView& master, WallTime now) {
  json list = json::array();
  for (const auto& [serial, one] : master.state->user_certificates) {
    if (one.expires <= now) continue;
    list.push_back({{"serial", serial},
                    {"name", one.name},
                    {"role", to_text(one.role)},
                    {"issued", time_json(one.issued)},
                    {"issued_by", one.issued_by},
                    {"expires", time_json(one.expires)}});
  }
  return listing("certificates", std::move(list), master);
}

ApiResponse silence_list(const MasterView& master, WallTime now) {
  json list = json::array();
  for (const auto& [id, silence] : master.state->silences) {
    list.push_back(silence_json(id, silence, now));
  }
  return listing("silences", std::move(list), master);
}

ApiResponse lease_list(const MasterView& master) {
  json list = json::array();
  for (const auto& [name, lease] : master.state->leases) list.push_back(lease_json(name, lease));
  return listing("leases", std::move(list), master);
}

ApiResponse one_lease(const MasterView& master, const std::string& name) {
  const ClusterState& state = *master.state;
  const auto lease = state.leases.find(name);
  if (lease == state.leases.end()) {
    return indexed(problem(Error{Code::NotFound, "nobody holds the lease " + in_quotes(name)}),
                   state);
  }
  json body = lease_json(name, lease->second);
  body["index"] = state.index;
  return indexed(ok_json(body), state);
}

ApiResponse gossip_key_list(const MasterView& master) {
  json list = json::array();
  for (const GossipKey& key : master.state->gossip_keys.keys) {
    list.push_back({{"id", key.id}, {"seals", key.id == master.state->gossip_keys.primary}});
  }
  return listing("keys", std::move(list), master);
}

ApiResponse rotation_list(const MasterView& master) {
  json list = json::array();
  for (const RotationView& one : master.rotations) {
    list.push_back(
        {{"what", one.what}, {"phase", one.phase}, {"waits_for", one.waits_for}, {"why", one.why}});
  }
  return listing("rotations", std::move(list), master);
}

ApiResponse authority_bundle(const MasterView& master) {
  std::string bundle;
  for (const auto& [id, authority] : master.state->authorities) bundle += authority.certificate;
  if (bundle.empty()) {
    return problem(404, "not found", "this cluster has no certificate authority",
                   "make a secured cluster with \"muster init\"");
  }
  return indexed({200, "application/x-pem-file", std::move(bundle)}, *master.state);
}

ApiResponse changed_response(const Outcome& outcome) { return ok_json(changed_json(outcome)); }

ApiResponse made_response(const std::string& id, const Outcome& outcome) {
  json body = changed_json(outcome);
  body["id"] = id;
  return ok_json(body);
}

ApiResponse lease_response(const CommandBody& asked, const Outcome& outcome) {
  json body = changed_json(outcome);
  if (const auto* grant = std::get_if<GrantLease>(&asked)) {
    body["name"] = grant->name;
    body["holder"] = grant->holder;
  } else if (const auto* renewal = std::get_if<RenewLease>(&asked)) {
    body["name"] = renewal->name;
    body["holder"] = renewal->holder;
  }
  body["token"] = outcome.token;
  return ok_json(body);
}

ApiResponse token_made_response(const TokenRecord& token, const std::string& secret,
                                const Outcome& outcome) {
  json body = token_json(token);
  for (const char* later : {"created", "created_by"}) body.erase(later);
  body["index"] = outcome.index;
  body["token"] = secret;
  return ok_json(body);
}

}  // namespace muster::agent
