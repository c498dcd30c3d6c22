// What is asked of who signs certificates, and what comes of it?
//
// Core: plain values; identity/openssl_authority.h signs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "identity/certificate_name.h"

namespace muster::identity {

// A node may be off for a month and come back by itself; revocation does not wait for the end.
inline constexpr Duration kNodeLife = std::chrono::hours(24 * 90);
// What an operator may set instead: time enough for a renewal that is tried more than once.
inline constexpr Duration kNodeLifeMin = std::chrono::seconds(10);
inline constexpr Duration kNodeLifeMax = std::chrono::hours(24 * 3650);
inline constexpr Duration kAuthorityLife = std::chrono::hours(24 * 3650);
// Certificates begin so long before they are made, so that clocks that differ a little agree.
inline constexpr Duration kBackdated = std::chrono::hours(1);

// Who signs. The key is a secret of the masters.
struct SigningAuthority {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

struct SignOrder {
  SigningAuthority authority;
  std::string request;  // PEM; only its public key counts: the signer says whose it is
  CertificateName name;
  std::vector<std::string> hosts;  // numeric addresses and DNS names under which it may serve HTTPS
  WallTime now{};
  Duration life = kNodeLife;  // the certificate ends with its authority at the latest
};

struct SignedCertificate {
  std::string certificate;  // PEM
  std::string serial;
  std::string key;  // SHA-256 of its public key in hexadecimal, as CertificateRecord has it
  WallTime begins{};
  WallTime ends{};
};

// The way in which cores have something signed.
using Signer = std::function<Result<SignedCertificate>(const SignOrder&)>;

}  // namespace muster::identity
