#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "agent/cli_agent.h"
#include "agent/cli_client.h"
#include "agent/cli_init.h"
#include "agent/identity_config.h"
#include "agent/posix_clock.h"
#include "agent/yaml_config.h"
#include "health/keyring_file.h"
#include "identity/join_json.h"
#include "identity/openssl_authority.h"
#include "identity/openssl_certificate.h"
#include "identity/openssl_join.h"
#include "identity/openssl_tls.h"
#include "identity/posix_identity.h"
#include "identity/token.h"

namespace muster::agent {
namespace {

Result<std::string> token_text(const JoinArguments& from) {
  if (!from.token_file.empty()) return identity::load_secret(from.token_file);
  return from.token == "-" ? read_input("-") : Result<std::string>(from.token);
}

// What the masters gave must work together before anything is written.
Status check_answer(const identity::JoinAnswer& answer, const identity::JoinToken& token,
                    const std::string& key) {
  const auto bundle = identity::read_bundle(answer.bundle);
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  if (bundle->front().pin != token.pin) {
    return fail(Code::PermissionDenied, "the master's authorities are not those of the token");
  }
  const auto tls =
      identity::OpensslTls::make({answer.certificate, key, answer.bundle}, {answer.cluster, {}});
  if (!tls) return tl::unexpected<Error>(tls.error());
  const auto ring = health::KeyringFile::parse(keyring_text(answer.gossip_keys), "gossip keys");
  if (!ring) return tl::unexpected<Error>(ring.error());
  return {};
}

// The key of a run whose answer was lost, or a new one that the next run finds.
Result<identity::KeyAndRequest> request_of(const std::string& directory, const NodeName& name,
                                           const identity::JoinToken& token) {
  const std::string purpose = name + " with authority " + token.pin + "\n";
  auto draft = identity::load_draft(directory);
  if (!draft) return tl::unexpected<Error>(draft.error());
  if (*draft && (*draft)->purpose == purpose) {
    return identity::KeyAndRequest{std::move((*draft)->key), std::move((*draft)->request)};
  }
  auto made = identity::make_request();
  if (!made) return made;
  const Status kept = identity::keep_draft(directory, {purpose, made->key, made->request});
  if (!kept) return tl::unexpected<Error>(kept.error());
  return made;
}

// Both, or what a next run finds no fault with.
Status write(const std::string& directory, const std::map<std::string, std::string>& identity,
             const std::string& config, const std::string& text) {
  if (Status done = identity::create_identity(directory, identity); !done) return done;
  const Status done = identity::create_file(config, text);
  if (done) {
    const Status gone = identity::remove_draft(directory);
    if (gone) return {};
    return fail(gone.error().code, "this node has joined, but " + gone.error().text);
  }
  if (const Status gone = identity::take_back_identity(directory); !gone) {
    return fail(done.error().code, done.error().text + "; and " + gone.error().text);
  }
  return done;
}

// Nobody knows whether the token was used for this node.
tl::unexpected<Error> unheard(Error error) {
  if (error.code == Code::Unavailable || error.code == Code::Timeout ||
      error.code == Code::Unknown) {
    error.text += "; the same command again takes no use of the token that was taken already";
  }
  return tl::unexpected(std::move(error));
}

Status join(const JoinArguments& from) {
  const auto text = token_text(from);
  if (!text) return tl::unexpected<Error>(text.error());
  const auto token = identity::parse_join_token(*text);
  if (!token) return tl::unexpected<Error>(token.error());
  const auto address = parse_address(from.address);
  if (!address) return tl::unexpected<Error>(address.error());
  const std::string directory = identity_dir(from.data_dir);
  std::error_code ignored;
  for (const std::string& path : {from.config, directory}) {
    if (!std::filesystem::exists(path, ignored)) continue;
    return fail(Code::Conflict, path +
                                    " is there already: nothing is overwritten; move it away "
                                    "if this machine shall join as a new node");
  }
  const auto made = request_of(directory, from.name, *token);
  if (!made) return tl::unexpected<Error>(made.error());
  const identity::JoinRequest request{identity::text_of(*token), from.name, made->request,
                                      wall_now()};
  const auto body = identity::post_pinned(
      {*address, token->pin, "/v1/join", identity::text_of(request), wall_now(), from.advertise});
  if (!body) return unheard(body.error());
  const auto answer = identity::parse_join_answer(*body);
  if (!answer) return tl::unexpected<Error>(answer.error());
  if (Status good = check_answer(*answer, *token, made->key); !good) return good;
  const NewNode node{answer->cluster, from.name,       answer->role,  from.data_dir,
                     from.advertise,  answer->masters, answer->gossip};
  if (const auto good = parse_config(config_text(node), "muster join"); !good) {
    return tl::unexpected<Error>(good.error());
  }
  const Status done = write(directory,
                            {{"ca.pem", answer->bundle},
                             {"node.pem", answer->certificate},
                             {"node.key", made->key},
                             {"keyring", keyring_text(answer->gossip_keys)}},
                            from.config, config_text(node));
  if (!done) return done;
  std::printf(
      "%s is %s of cluster %s\n"
      "  identity       %s (keep it secret)\n"
      "  configuration  %s\n"
      "Next: muster agent -c %s\n",
      from.name.c_str(), answer->role == NodeRole::Master ? "a master" : "an agent",
      answer->cluster.c_str(), directory.c_str(), from.config.c_str(), from.config.c_str());
  return {};
}

}  // namespace

Exit run_join(const JoinArguments& arguments) {
  const Status done = join(arguments);
  return done ? Exit::Done : complain(done.error(), exit_of(done.error().code));
}

}  // namespace muster::agent
