// How does the load client speak to a server? Over TCP or TLS, in coroutines.
//
// One type for both, so that what is measured with TLS and without differs by TLS alone. Failures
// are asio::system_error: the client's loops catch them where one request ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl.hpp>

namespace muster::load {

// Empty paths: without that file. Without any of them and `on`, the server is not verified.
struct TlsFiles {
  bool on = false;
  std::string ca;
  std::string certificate;
  std::string key;
};

// Null without TLS.
std::shared_ptr<asio::ssl::context> tls_context(const TlsFiles& files);

// host:port with a numeric host; throws std::invalid_argument.
asio::ip::tcp::endpoint endpoint_of(const std::string& text);

class Stream {
 public:
  Stream(asio::io_context& io, std::shared_ptr<asio::ssl::context> tls);

  asio::awaitable<void> connect(asio::ip::tcp::endpoint to);  // reach() and shake()
  asio::awaitable<void> reach(asio::ip::tcp::endpoint to);
  asio::awaitable<void> shake();  // the handshake of TLS; without it, nothing
  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into);
  asio::awaitable<void> write(asio::const_buffer bytes);
  // Whoever waits in one of the above is answered with an error.
  void close();

 private:
  std::shared_ptr<asio::ssl::context> tls_;
  asio::ip::tcp::socket socket_;
  std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> secure_;
};

}  // namespace muster::load
