// How does a TLS server behave whose certificate an operator has from anywhere?
//
// Core: plain values; identity/openssl_server_tls.h makes a server of them. Nothing in it is of a
// cluster: no authority of muster's signs here, and nobody gets a role by it.
#pragma once

#include <string>
#include <vector>

namespace muster::identity {

enum class ClientCertificate {
  NotAsked,
  Asked,            // whatever it shows is taken
  Needed,           // it must have one, of whomever
  VerifiedIfGiven,  // what it shows must be of `client_authorities`
  NeededAndVerified,
};
enum class TlsVersion { V12, V13 };

struct ServerTlsOptions {
  std::string certificate;  // PEM: the server's, then those that signed it
  std::string key;          // PEM, without a passphrase
  ClientCertificate client = ClientCertificate::NotAsked;
  std::string client_authorities;  // PEM; only where clients are verified
  TlsVersion min = TlsVersion::V12;
  TlsVersion max = TlsVersion::V13;
  // By their IANA names, those of TLS 1.2 alone: TLS 1.3 has no bad ones. Empty: those with forward
  // secrecy and authenticated encryption.
  std::vector<std::string> suites;
  std::vector<std::string> curves;  // X25519, P-256 ...; empty: OpenSSL's
  bool own_preference = true;       // among the suites of both; else the client's
};

// Which of them does not work.
enum class ServerTlsPart { Certificate, Key, ClientAuthorities, Suites, Curves };
struct ServerTlsFault {
  ServerTlsPart part = ServerTlsPart::Certificate;
  std::string what;
};

}  // namespace muster::identity
