// How is a snapshot kept from those who do not know a passphrase?
//
// Driver (OpenSSL). Stateless; any thread; sealing and opening take some tenths of a second and 64
// MiB each, so that guessing does too. AES-256-GCM over pieces of 1 MiB, under a key that scrypt
// makes of the passphrase and of a random salt.
//
//   magic "mustseal" | format | log2(N) | r | p | salt | key check | checksum of all before |
//   pieces, each with its tag
//
// A piece's nonce is its number and whether it is the last, so that none can be moved, left out or
// cut off. All before the pieces is authenticated with each of them. The key check comes from
// scrypt with the key and tells nothing about it.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace muster::failover {

[[nodiscard]] Result<std::string> seal(std::string_view plain, std::string_view passphrase);

// Fails with PermissionDenied for another passphrase than it was sealed with, with DataLoss that
// says what is damaged, with Conflict for a format of a newer version.
[[nodiscard]] Result<std::string> unseal(std::string_view sealed, std::string_view passphrase);

// Empties a secret so that the compiler does not leave it out.
void forget(std::string& secret);

}  // namespace muster::failover
