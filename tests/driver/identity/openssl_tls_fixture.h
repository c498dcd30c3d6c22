// How do two ends shake hands in a test, without sockets?
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "identity/openssl_authority.h"
#include "identity/openssl_tls.h"

namespace muster::identity {

inline constexpr std::chrono::hours kDay{24};
// Every test's clock stands here unless it says otherwise.
inline const WallTime kNoon =
    std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + std::chrono::hours(12);

inline CertificateName node(const std::string& name, NodeRole role = NodeRole::Agent,
                            const std::string& cluster = "prod") {
  return {cluster, name, role};
}
inline CertificateName user(const std::string& name, Role role) { return {"prod", name, role}; }

struct Town {  // an authority and whoever it has signed
  explicit Town(const std::string& cluster = "prod", WallTime now = kNoon)
      : authority(make_authority(cluster, now).value()) {}

  [[nodiscard]] Credentials issue(const CertificateName& name, WallTime now = kNoon,
                                  Duration life = kNodeLife) const {
    const KeyAndRequest made = make_request().value();
    SignOrder order{authority, made.request, name, {name.name, "127.0.0.1"}, now, life};
    return {sign(order).value().certificate, made.key, authority.certificate};
  }
  SigningAuthority authority;
};

inline std::unique_ptr<OpensslTls> tls(const Credentials& from, WallTime now = kNoon,
                                       const std::string& cluster = "prod") {
  auto made = OpensslTls::make(from, {cluster, [now] { return now; }});
  EXPECT_TRUE(made) << (made ? "" : made.error().text);
  return made ? std::move(*made) : nullptr;
}

// One end of a stream in memory.
struct End {
  Ssl ssl;
  bool done = false;
  unsigned long error = 0;  // of OpenSSL, once something failed
  bool failed = false;

  void step() {
    if (done || failed) return;
    const int result = SSL_do_handshake(ssl.get());
    done = result == 1;
    note(result);
  }
  std::string read() {
    std::string bytes(4096, '\0');
    const int size = SSL_read(ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
    note(size);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }
  void note(int result) {
    if (result > 0) return;
    const int kind = SSL_get_error(ssl.get(), result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return;
    failed = true;
    error = ERR_peek_error();
    ERR_clear_error();
  }
  [[nodiscard]] HandshakeFailure why() const { return why_failed(ssl.get(), error); }
};

struct Pair {
  Pair(Ssl server_ssl, Ssl client_ssl)
      : server{std::move(server_ssl)}, client{std::move(client_ssl)} {
    BIO *one = nullptr, *other = nullptr;
    EXPECT_EQ(BIO_new_bio_pair(&one, 1 << 16, &other, 1 << 16), 1);
    SSL_set_bio(server.ssl.get(), one, one);
    SSL_set_bio(client.ssl.get(), other, other);
    for (int round = 0; round < 8; ++round) {
      client.step();
      server.step();
    }
    if (server.failed && client.done) client.read();  // the alert comes after the handshake
  }
  [[nodiscard]] bool stands() const {
    return server.done && client.done && !server.failed && !client.failed;
  }
  // What the client writes and the server reads.
  std::string carry(const std::string& text) {
    SSL_write(client.ssl.get(), text.data(), static_cast<int>(text.size()));
    return server.read();
  }
  End server, client;
};

inline Pair between(const OpensslTls& server, const OpensslTls& client) {
  return {server.begin(TlsEnd::NodeServer), client.begin(TlsEnd::NodeClient)};
}

}  // namespace muster::identity
