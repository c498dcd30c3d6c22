// What is written on a token that lets a node join, or somebody use the API?
//
// Core: text to parts and back; never changes. Who draws and compares secrets is
// identity/openssl_authority.h. No error holds any part of a token.
//
//   MUSTER-1-agent-ID-SECRET-PIN-CHECK     a node joins as an agent (or `master`)
//   MUSTER-1-api-ID-SECRET-CHECK           somebody uses the API
//
// ID (40 bits) is public and names the token in lists. SECRET has 160 bits; only its SHA-256 is
// kept anywhere. PIN is SHA-256 of the public key of the cluster's authority: with it a node knows
// whom it sends the secret to. CHECK tells a token that was copied badly from a wrong one. All in
// base32.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "base/identity.h"

namespace muster::identity {

inline constexpr std::size_t kTokenIdBytes = 5;
inline constexpr std::size_t kSecretBytes = 20;
inline constexpr std::size_t kTokenBytesMax = 160;

struct JoinToken {
  NodeRole role = NodeRole::Agent;
  std::string id;      // base32
  std::string secret;  // base32; what is hashed is this text
  std::string pin;     // 64 lower-case hexadecimal digits, as CertificateFacts has it
  bool operator==(const JoinToken&) const = default;
};
struct ApiToken {
  std::string id;
  std::string secret;
  bool operator==(const ApiToken&) const = default;
};
using Token = std::variant<JoinToken, ApiToken>;

// Of kTokenIdBytes + kSecretBytes random bytes. Pre: so many; `pin` is 64 hexadecimal digits.
[[nodiscard]] JoinToken join_token(NodeRole role, const std::string& pin, std::string_view random);
[[nodiscard]] ApiToken api_token(std::string_view random);

[[nodiscard]] std::string text_of(const JoinToken& token);
[[nodiscard]] std::string text_of(const ApiToken& token);

// White space around it is forgiven. Fails with InvalidArgument, saying what is wrong with the
// form: that nobody knows the token is found out elsewhere.
[[nodiscard]] Result<Token> parse_token(std::string_view text);
[[nodiscard]] Result<JoinToken> parse_join_token(std::string_view text);
[[nodiscard]] Result<ApiToken> parse_api_token(std::string_view text);

}  // namespace muster::identity
