// What does a certificate say?
//
// Driver (OpenSSL), without state or IO: PEM in, plain values out. Any thread. Input may be
// hostile.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "identity/certificate_name.h"

struct x509_st;

namespace muster::identity {

inline constexpr std::size_t kPemBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kBundleMax = 8;  // authorities trusted at a time

struct CertificateFacts {
  std::string serial;  // lower-case hexadecimal, no leading zeros
  std::string issuer;  // common name, for people
  WallTime begins{};
  WallTime ends{};
  bool authority = false;               // may sign others
  std::string pin;                      // SHA-256 of its public key's SubjectPublicKeyInfo, in hex
  std::optional<CertificateName> name;  // of a node or a person; none: it says no single one
  std::string nameless;                 // why there is none
};

// Of the first certificate in the text. Fails with InvalidArgument.
[[nodiscard]] Result<CertificateFacts> read_certificate(std::string_view pem);

// Of every certificate in the text, 1 to kBundleMax authorities. Fails with InvalidArgument.
[[nodiscard]] Result<std::vector<CertificateFacts>> read_bundle(std::string_view pem);

// The private key is that of the certificate, both in PEM.
[[nodiscard]] bool belongs(std::string_view certificate, std::string_view key);

// The first authority of the bundle signed the certificate: it needs no renewal for that.
[[nodiscard]] bool signed_by_first(std::string_view certificate, std::string_view bundle);

// What an authority with this pin is called: AuthorityRecord::id.
[[nodiscard]] inline std::string authority_id(const std::string& pin) { return pin.substr(0, 16); }

// Pre: certificate is not null.
[[nodiscard]] CertificateFacts facts_of(x509_st* certificate);

}  // namespace muster::identity
