#include "load_http.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include "load_report.h"

namespace muster::load {
namespace {

constexpr std::size_t kHeadMax = 64 << 10;

[[noreturn]] void not_http() { throw asio::system_error(asio::error::invalid_argument); }

// The value of a header, or empty; `head` in lower case.
std::string header_of(const std::string& head, const std::string& name) {
  const std::string wanted = "\r\n" + name + ":";
  std::size_t at = head.find(wanted);
  if (at == std::string::npos) return {};
  at = head.find_first_not_of(' ', at + wanted.size());
  return head.substr(at, head.find("\r\n", at) - at);
}

std::string request_of(const std::string& line, const std::string& host,
                       const std::vector<std::string>& headers) {
  const std::size_t path = line.find(' ');
  if (path == std::string::npos) throw std::invalid_argument("no path: " + line);
  const std::size_t body = std::min(line.find(' ', path + 1), line.size());
  std::string request = line.substr(0, body);
  request += " HTTP/1.1\r\nHost: " + host + "\r\n";
  for (const std::string& header : headers) request += header + "\r\n";
  const std::string content = body < line.size() ? line.substr(body + 1) : "";
  if (!content.empty() || !line.starts_with("GET")) {
    request += "Content-Length: " + std::to_string(content.size()) + "\r\n";
  }
  request += "\r\n" + content;
  return request;
}

}  // namespace

std::vector<std::string> requests_of(const HttpOptions& options) {
  std::ifstream file(options.requests);
  if (!file) throw std::invalid_argument(options.requests + ": cannot be read");
  std::vector<std::string> requests;
  for (std::string line; std::getline(file, line);) {
    requests.push_back(request_of(line, options.targets.front(), options.headers));
  }
  if (requests.empty()) throw std::invalid_argument(options.requests + ": no requests in it");
  return requests;
}

asio::awaitable<void> HttpConnection::more() {
  std::array<char, 16384> chunk;  // NOLINT: filled by the read
  const std::size_t size = co_await stream_.read_some(asio::buffer(chunk));
  inbox_.append(chunk.data(), size);
}

asio::awaitable<std::size_t> HttpConnection::read_head() {
  while (true) {
    const std::size_t end = inbox_.find("\r\n\r\n");
    if (end != std::string::npos) co_return end + 4;
    if (inbox_.size() > kHeadMax) not_http();
    co_await more();
  }
}

asio::awaitable<void> HttpConnection::drop(std::size_t bytes) {
  while (inbox_.size() < bytes) {
    bytes -= inbox_.size();
    inbox_.clear();
    co_await more();
  }
  inbox_.erase(0, bytes);
}

asio::awaitable<void> HttpConnection::drop_chunks() {
  while (true) {
    std::size_t line = inbox_.find("\r\n");
    while (line == std::string::npos) {
      co_await more();
      line = inbox_.find("\r\n");
    }
    const std::size_t size = std::stoul(inbox_.substr(0, line), nullptr, 16);
    co_await drop(line + 2 + size + 2);
    if (size == 0) co_return;
  }
}

asio::awaitable<int> HttpConnection::ask(const std::string& request) {
  co_await stream_.write(asio::buffer(request));
  const std::size_t size = co_await read_head();
  std::string head = inbox_.substr(0, size);
  inbox_.erase(0, size);
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!head.starts_with("http/1.1 ") || head.size() < 12) not_http();
  const std::string length = header_of(head, "content-length");
  if (header_of(head, "transfer-encoding") == "chunked") {
    co_await drop_chunks();
  } else if (!length.empty()) {
    co_await drop(std::stoul(length));
  }
  if (header_of(head, "connection") == "close") close();
  co_return std::stoi(head.substr(9, 3));
}

namespace {

// What all connections share.
struct Load {
  asio::io_context io;
  std::shared_ptr<asio::ssl::context> tls;
  std::vector<asio::ip::tcp::endpoint> targets;
  std::vector<std::string> requests;
  std::size_t sent = 0;
  std::size_t warmup = 0;
  std::size_t last = 0;  // of `sent`; 0: until `end`
  std::size_t waiting = 0;
  Clock::duration run_for{};
  Clock::time_point end = Clock::time_point::max();
  Clock::duration timeout{};
  Report report{0};
};

bool over(const Load& load, Clock::time_point now) {
  return load.last != 0 ? load.sent >= load.last : now >= load.end;
}

// What a connection and its time limit share.
struct Line {
  explicit Line(asio::io_context& io) : timer(io) {}
  std::unique_ptr<HttpConnection> connection;
  asio::steady_timer timer;
  Clock::time_point limit = Clock::time_point::max();
  bool done = false;
};

// Cuts a line off whose request takes too long: one timer a connection, not one a request.
asio::awaitable<void> watch(std::shared_ptr<Line> line) {
  while (!line->done) {
    line->timer.expires_after(std::chrono::milliseconds(50));
    co_await line->timer.async_wait(asio::use_awaitable);
    if (Clock::now() > line->limit && line->connection) line->connection->close();
  }
}

asio::awaitable<void> keep_asking(Load& load, std::size_t number) {
  const auto line = std::make_shared<Line>(load.io);
  asio::co_spawn(load.io, watch(line), asio::detached);
  while (!over(load, Clock::now())) {
    const std::size_t turn = load.sent++;
    if (turn == load.warmup) {
      const Clock::time_point now = Clock::now();
      load.report.begin(now);
      if (load.last == 0) load.end = now + load.run_for;
    }
    const std::string& request = load.requests[turn % load.requests.size()];
    const Clock::time_point sent = Clock::now();
    std::string failure;
    try {
      line->limit = sent + load.timeout;
      if (!line->connection) {
        line->connection = std::make_unique<HttpConnection>(load.io, load.tls);
        co_await line->connection->connect(load.targets[number % load.targets.size()]);
      }
      const int status = co_await line->connection->ask(request);
      if (status / 100 != 2) failure = std::to_string(status);
    } catch (const asio::system_error& error) {
      failure = error.code().message();
      line->connection.reset();
    }
    const Clock::time_point now = Clock::now();
    line->limit = Clock::time_point::max();
    if (turn < load.warmup) continue;
    if (failure.empty()) {
      load.report.succeeded(sent, now);
    } else {
      load.report.failed(failure, now);
    }
    if (!failure.empty() && !line->connection) {  // a dead target is not asked in a tight loop
      asio::steady_timer timer(load.io, std::chrono::milliseconds(5));
      co_await timer.async_wait(asio::use_awaitable);
    }
  }
  line->done = true;
}

}  // namespace

int run_http(const HttpOptions& options) {
  Load load;
  load.tls = tls_context(options.tls);
  for (const std::string& target : options.targets) load.targets.push_back(endpoint_of(target));
  load.requests = requests_of(options);
  load.warmup = options.warmup;
  load.timeout =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.timeout));
  if (options.duration > 0) {
    load.run_for = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(options.duration));
  } else {
    load.last = options.warmup + options.count;
  }
  load.report = Report(options.duration > 0 ? std::size_t{1} << 20 : options.count);
  for (std::size_t i = 0; i < options.connections; ++i) {
    asio::co_spawn(load.io, keep_asking(load, i), asio::detached);
  }
  load.io.run();
  std::printf("%s\n", load.report.result().dump().c_str());
  return 0;
}

}  // namespace muster::load
