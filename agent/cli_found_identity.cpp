#include "agent/cli_found_identity.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "agent/identity_config.h"
#include "agent/posix_clock.h"
#include "base/key_value.h"
#include "identity/clock.h"
#include "identity/joining.h"
#include "identity/openssl_authority.h"
#include "identity/openssl_certificate.h"
#include "identity/posix_identity.h"
#include "identity/token.h"

namespace muster::agent {
namespace {

// What was given to this name before may still be used: whoever revokes the node means that too.
void record(ClusterState& state, const NodeName& self, CertificateRecord now, WallTime at) {
  const ClusterState& before = state;
  if (const auto known = before.certificates.find(self); known != before.certificates.end()) {
    now.former = known->second.former;
    now.former.push_back({known->second.serial, known->second.expires});
    std::erase_if(now.former, [&](const FormerCertificate& one) { return one.expires <= at; });
    // One less than there may be, so that this one can be renewed.
    while (now.former.size() >= kFormerCertificatesMax) now.former.erase(now.former.begin());
  }
  state.certificates[self] = std::move(now);
}

std::vector<std::string> hosts_of(const Config& config) {
  std::vector<std::string> hosts = identity::own_hosts(config.node.name);
  const std::string advertised = config.advertised_host();
  if (std::find(hosts.begin(), hosts.end(), advertised) == hosts.end()) {
    hosts.push_back(advertised);
  }
  return hosts;
}

// Whoever administered the cluster from the machine that is gone has lost the token with it.
std::string new_admin(ClusterState& state, WallTime now) {
  const identity::ApiToken admin =
      identity::api_token(identity::random_bytes(identity::kTokenIdBytes + identity::kSecretBytes));
  state.tokens[admin.id] = {.id = admin.id,
                            .kind = TokenKind::Api,
                            .role = Role::Admin,
                            .node_role = NodeRole::Agent,
                            .sha256 = identity::sha256(admin.secret),
                            .description = "made when the cluster began again",
                            .created = now,
                            .expires = {},
                            .uses_left = 0,
                            .created_by = "muster"};
  return identity::text_of(admin) + "\n";
}

Result<FoundIdentity> make(const Config& config, ClusterState& state) {
  const NodeName& self = config.node.name;
  if (Status name = identity::check_node_name(self); !name) return tl::unexpected(name.error());
  const ClusterState& before = state;
  const auto authority =
      std::find_if(before.authorities.begin(), before.authorities.end(),
                   [](const auto& one) { return one.second.active && !one.second.key.empty(); });
  if (authority == before.authorities.end()) {
    return fail(Code::DataLoss,
                "no authority in the cluster's state can sign: nothing was changed");
  }
  const WallTime now = wall_now();
  auto request = identity::make_request();
  if (!request) return tl::unexpected(request.error());
  const auto made = identity::sign({{authority->second.certificate, authority->second.key},
                                    request->request,
                                    {config.cluster, self, NodeRole::Master},
                                    hosts_of(config),
                                    now,
                                    config.identity.certificate_life});
  if (!made) return tl::unexpected(made.error());
  record(
      state, self,
      {made->serial, made->key, NodeRole::Master, made->begins, made->ends, {}, authority->first},
      now);
  FoundIdentity found;
  found.files = {{"ca.pem", identity::bundle_of(state)},
                 {"node.pem", made->certificate},
                 {"node.key", std::move(request->key)},
                 {"admin.token", new_admin(state, now)}};
  if (!state.gossip_keys.keys.empty()) found.files["keyring"] = keyring_text(state.gossip_keys);
  return found;
}

// Why the others would not take this for the certificate of a master; empty: they do.
std::string objection(const Config& config, const ClusterState& state,
                      const identity::CertificateFacts& own, const std::string& authority) {
  if (authority.empty()) return "is signed by no authority of this cluster's state";
  if (!own.name || own.name->name != config.node.name || own.name->cluster != config.cluster) {
    return "is not of node " + config.node.name + " of cluster " + config.cluster;
  }
  const auto* role = std::get_if<NodeRole>(&own.name->role);
  if (role == nullptr || *role != NodeRole::Master) return "is not a master's";
  if (own.ends <= wall_now()) return "expired at " + identity::utc_text(own.ends);
  if (state.revoked.contains(own.serial)) return "was revoked";
  return {};
}

Status check_present(const Config& config, ClusterState& state) {
  const auto credentials = identity::load_credentials(config.identity.dir);
  if (!credentials) return tl::unexpected(credentials.error());
  const auto own = identity::read_certificate(credentials->certificate);
  if (!own) return tl::unexpected(own.error());
  const ClusterState& before = state;
  std::string authority;
  for (const auto& [id, one] : before.authorities) {
    if (identity::signed_by_first(credentials->certificate, one.certificate)) authority = id;
  }
  if (const std::string why = objection(config, before, *own, authority); !why.empty()) {
    return fail(Code::Conflict, "the certificate in " + config.identity.dir + " " + why +
                                    ", and the other nodes would not believe it: nothing was "
                                    "changed; move " +
                                    config.identity.dir +
                                    " away, and the same command makes a new identity");
  }
  const auto known = before.certificates.find(config.node.name);
  if (known != before.certificates.end() && known->second.serial == own->serial) return {};
  // It was renewed after this state was kept.
  record(state, config.node.name,
         {own->serial, own->pin, NodeRole::Master, own->begins, own->ends, {}, authority},
         wall_now());
  return {};
}

}  // namespace

Result<FoundIdentity> prove(const Config& config, ClusterState& state) {
  if (config.secured() != !state.authorities.empty()) {
    return fail(Code::Conflict,
                config.secured()
                    ? "this state is of a plain cluster, but identity.dir is configured: nothing "
                      "was changed; configure this node as those were that are lost"
                    : "this state is of a secured cluster, but the configuration is a plain one's: "
                      "nothing was changed; set identity.dir and gossip.keyring as on the masters "
                      "that are lost");
  }
  if (!config.secured()) return FoundIdentity{};
  std::error_code error;
  if (!std::filesystem::exists(config.identity.dir, error)) return make(config, state);
  if (Status fits = check_present(config, state); !fits) return tl::unexpected(fits.error());
  return FoundIdentity{};
}

Status keep(const Config& config, const FoundIdentity& made) {
  if (made.files.empty()) return {};
  const std::string& directory = config.identity.dir;
  if (Status done = identity::create_identity(directory, made.files); !done) {
    return fail(done.error().code, done.error().text + "; mend that, move " + config.data_dir +
                                       "/consensus.db* away, and run this again");
  }
  std::printf(
      "%s: a new identity of %s, signed by the authority in the state (keep it secret)\n"
      "%s/admin.token: a new admin's token, in mode 600; API tokens of before are good too\n",
      directory.c_str(), config.node.name.c_str(), directory.c_str());
  return {};
}

}  // namespace muster::agent
