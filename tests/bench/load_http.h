// How is HTTP/1.1 spoken to either system? One request after another on a kept connection.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include "load_stream.h"

namespace muster::load {

struct HttpOptions {
  std::vector<std::string> targets;  // ADDRESS:PORT; connections take them in turn
  std::string requests;              // a file, one `METHOD PATH [BODY]` a line, used in turn
  std::vector<std::string> headers;  // "Name: value"
  TlsFiles tls;
  std::size_t connections = 1;
  std::size_t warmup = 0;  // requests that are not recorded
  std::size_t count = 1000;
  double duration = 0;  // seconds; instead of a count where it is positive
  double timeout = 10;  // seconds for one request
};

// The bytes of every request of the file. Throws std::invalid_argument.
std::vector<std::string> requests_of(const HttpOptions& options);

class HttpConnection {
 public:
  HttpConnection(asio::io_context& io, std::shared_ptr<asio::ssl::context> tls)
      : stream_(io, std::move(tls)) {}

  asio::awaitable<void> connect(asio::ip::tcp::endpoint to) { return stream_.connect(to); }
  // The status of the answer, whose body is read and dropped. Throws asio::system_error, also for
  // an answer that is no HTTP.
  asio::awaitable<int> ask(const std::string& request);
  void close() { stream_.close(); }

 private:
  asio::awaitable<void> more();
  asio::awaitable<std::size_t> read_head();
  asio::awaitable<void> drop_chunks();
  asio::awaitable<void> drop(std::size_t bytes);

  Stream stream_;
  std::string inbox_;  // what has come and is not used yet
};

// Sends the requests with so many connections; prints the report as JSON. The exit status.
int run_http(const HttpOptions& options);

// Kills a process and asks every target on a fresh connection every `every_ms`, none waiting for
// another, until one says 2xx; prints after how long as JSON. The exit status.
int run_poll(const HttpOptions& options, int victim, int every_ms);

}  // namespace muster::load
