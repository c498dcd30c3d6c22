#include "agent/credentials.h"

#include "agent/routes.h"
#include "identity/token.h"

namespace muster::agent {
namespace {

// Digests of random secrets: where two differ says nothing of use. Still no early end.
bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

}  // namespace

std::optional<Role> role_to_read(std::string_view path) {
  const RouteMatch match = find_route("GET", path);
  return match.route == nullptr ? Role::Admin : match.route->role;
}

Result<Actor> actor_of(const ClusterState& state, const Sha256& sha256,
                       std::string_view authorization, Role role, WallTime now) {
  if (authorization.empty()) {
    return fail(Code::PermissionDenied,
                "no token: send Authorization: Bearer TOKEN, a token of "
                "role " +
                    std::string(to_text(role)) +
                    " or above, or show a certificate to a master itself");
  }
  const auto token = identity::parse_api_token(authorization);
  const Error unknown{Code::PermissionDenied,
                      "this token is not known here, or has expired: ask for another one"};
  if (!token || !sha256) return tl::unexpected(unknown);
  const auto record = state.tokens.find(token->id);
  if (record == state.tokens.end() || record->second.kind != TokenKind::Api ||
      expired(record->second, now) || !same(sha256(token->secret), record->second.sha256)) {
    return tl::unexpected(unknown);
  }
  if (record->second.role < role) {
    return fail(Code::PermissionDenied, "token " + token->id + " has the role " +
                                            std::string(to_text(record->second.role)) +
                                            ", this needs " + std::string(to_text(role)));
  }
  return Actor{token->id, std::string(to_text(record->second.role)), {}};
}

}  // namespace muster::agent
