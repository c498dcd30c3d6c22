// A scraper whose bytes are what a test says, over TLS or not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "identity/openssl_handles.h"
#include "identity/openssl_tls.h"
#include "tests/driver/agent/loopback.h"

namespace muster::agent {

// How a client speaks TLS.
struct TlsClient {
  std::string certificate, key;  // PEM; empty: it shows none
  std::string trusts;            // PEM; empty: it takes any server
  int max_version = TLS1_3_VERSION;
};

// A client whose bytes are what the test says, over TLS or not.
class Client {
 public:
  Client(std::uint16_t port, const TlsClient* tls) : socket_(connect_to(port)) {
    if (tls == nullptr) return;
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context_.get(), tls->max_version);
    if (!tls->certificate.empty()) {
      const auto certificate = identity::certificate_in(tls->certificate);
      const auto key = identity::key_in(tls->key);
      EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), certificate.get()), 1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), key.get()), 1);
    }
    if (!tls->trusts.empty()) {
      const auto authority = identity::certificate_in(tls->trusts);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), authority.get());
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_);
    shaken_ = SSL_connect(ssl_.get()) == 1;
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& bytes) {
    if (ssl_ != nullptr) {
      (void)SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    } else {
      ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
  }
  // Until the text ends so or the connection is closed.
  std::string read_until(const std::string& end) {
    std::string text;
    char byte = 0;
    while (!text.ends_with(end) && read(byte)) text += byte;
    return text;
  }
  std::string read_all() { return read_until("\x01 never"); }
  // How much comes before the door closes the connection; nothing: it only became silent.
  std::optional<std::size_t> drain() {
    std::vector<char> room(1 << 16);
    for (std::size_t all = 0;;) {
      const ssize_t size = ::recv(socket_, room.data(), room.size(), 0);
      if (size < 0) return std::nullopt;
      if (size == 0) return all;
      all += static_cast<std::size_t>(size);
    }
  }
  // By the door, and not only silent.
  [[nodiscard]] bool is_closed() const {
    char byte = 0;
    return ::recv(socket_, &byte, 1, 0) == 0;
  }
  [[nodiscard]] bool shaken() const { return shaken_; }
  [[nodiscard]] std::string version() const { return SSL_get_version(ssl_.get()); }

 private:
  bool read(char& byte) {
    if (ssl_ != nullptr) return SSL_read(ssl_.get(), &byte, 1) == 1;
    return ::recv(socket_, &byte, 1, 0) == 1;
  }
  int socket_;
  identity::SslContext context_;
  identity::Ssl ssl_;
  bool shaken_ = false;
};

}  // namespace muster::agent
