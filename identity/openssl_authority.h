// How are keys, requests and certificates made, and secrets drawn and compared?
//
// Driver (OpenSSL), without state or IO. Any thread. Keys are ECDSA P-256: docs/SECURITY.md says
// why.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "identity/issue.h"

namespace muster::identity {

inline constexpr std::size_t kRequestBytesMax = 8192;

// A new authority of this cluster, which signs itself. `now` is the machine's clock.
[[nodiscard]] Result<SigningAuthority> make_authority(const std::string& cluster, WallTime now,
                                                      Duration life = kAuthorityLife);

struct KeyAndRequest {
  std::string key;      // PEM, a secret
  std::string request;  // PEM
};
// A new key, and the request to have it certified.
[[nodiscard]] Result<KeyAndRequest> make_request();

// Whether a request is one that sign() takes: bounded, whole, signed with its own key, and that of
// a kind that is trusted (P-256, P-384, Ed25519). Fails with InvalidArgument.
[[nodiscard]] Status check_request(std::string_view request);

// Fails with InvalidArgument for a request that is none, with Unavailable when the authority has
// expired or cannot be read.
[[nodiscard]] Result<SignedCertificate> sign(const SignOrder& order);

// SHA-256 in lower-case hexadecimal.
[[nodiscard]] std::string sha256(std::string_view bytes);
// So many bytes that nobody can guess.
[[nodiscard]] std::string random_bytes(std::size_t count);
// In a time that says nothing of where they differ.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b);

}  // namespace muster::identity
