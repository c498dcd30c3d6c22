// How do people and Prometheus reach an agent with an identity? By HTTPS, through this.
//
// A driver (Asio, OpenSSL) with threads of its own: one that carries, one for the signatures of
// handshakes. It ends TLS and passes each request on to the HTTP server on loopback, which cannot
// speak TLS 1.3 itself, with a secret that proves that it came through here and with who sent it.
// Heads are parsed strictly and written anew (agent/http_head.h). Requests of many clients take
// turns on few connections, so that a client that only keeps its connection holds no thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/asio_rpc.h"
#include "base/error.h"
#include "base/ids.h"

namespace muster::identity {
class OpensslTls;
}

namespace muster::agent {

struct FrontOptions {
  Address listen;
  std::optional<Address> also{};  // where it listens too, if it can
  Address server;                 // of plain HTTP; a numeric address of loopback
  std::size_t connections = 4;    // to the server at once: its threads
  std::string secret;             // goes with each request; never leaves the machine
  Duration turn_patience = std::chrono::seconds(5);     // with the server, for its turn
  Duration client_patience = std::chrono::seconds(10);  // with who stops in the middle
  Duration body_patience = std::chrono::seconds(20);    // with a request's body as a whole
};

class AsioTlsFront {
 public:
  using Dropped = AsioRpc::Dropped;
  // Called on the front's thread.
  using OnDropped = std::function<void(const Dropped&)>;

  static constexpr std::size_t kClientsMax = 2048;

  // Listens at once. Fails when the address cannot be bound, naming it and the way out.
  [[nodiscard]] static Result<std::unique_ptr<AsioTlsFront>> open(
      FrontOptions options, std::shared_ptr<const identity::OpensslTls> tls, OnDropped on_dropped);
  // Ends every connection and joins its threads.
  ~AsioTlsFront();  // NOLINT(bugprone-exception-escape): see the definition
  AsioTlsFront(const AsioTlsFront&) = delete;
  AsioTlsFront& operator=(const AsioTlsFront&) = delete;

  [[nodiscard]] Address address() const;  // where it listens
  [[nodiscard]] Address also() const;     // likewise; empty: why_not_also() says why
  [[nodiscard]] const std::string& why_not_also() const;

 private:
  class Impl;
  explicit AsioTlsFront(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::agent
