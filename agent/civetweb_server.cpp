#include "agent/civetweb_server.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <civetweb.h>

#include "agent/api.h"
#include "agent/yaml_api.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

constexpr std::size_t kRequestIdBytesMax = 128;
constexpr std::size_t kDrainBytesMax = std::size_t{16} << 20;  // of a body that is not wanted
constexpr auto kStopPatience = std::chrono::milliseconds(500);
constexpr auto kWakeEvery = std::chrono::milliseconds(10);
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

// An answer that one of the server's threads waits for and another thread gives.
//
// Shared by both sides: the one that gives may come after the one that waited is gone.
class Desk {
 public:
  template <class Value>
  struct Slot {
    std::optional<Value> value;
  };

  template <class Value>
  void put(const std::shared_ptr<Slot<Value>>& slot, Value value) {
    {
      const std::lock_guard lock(mutex_);
      if (!slot->value) slot->value = std::move(value);
    }
    changed_.notify_all();
  }
  // Nothing after `patience`, or when the server stops.
  template <class Value>
  std::optional<Value> wait(const std::shared_ptr<Slot<Value>>& slot, Duration patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, std::chrono::steady_clock::now() + patience,
                        [&] { return stopping_ || slot->value; });
    return std::move(slot->value);
  }
  // A request is worked on between the two.
  void enter() {
    const std::lock_guard lock(mutex_);
    ++open_;
  }
  void leave() {
    {
      const std::lock_guard lock(mutex_);
      --open_;
    }
    changed_.notify_all();
  }
  // Ends every wait; returns when the requests have their answers, or after `patience`.
  void stop(Duration patience) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    changed_.wait_until(lock, std::chrono::steady_clock::now() + patience,
                        [&] { return open_ == 0; });
  }
  [[nodiscard]] bool stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  int open_ = 0;
};

class Attendance {
 public:
  explicit Attendance(Desk& desk) : desk_(desk) { desk_.enter(); }
  ~Attendance() { desk_.leave(); }
  Attendance(const Attendance&) = delete;
  Attendance& operator=(const Attendance&) = delete;

 private:
  Desk& desk_;
};

struct Request {
  std::string_view method;
  std::string_view path;
  std::string_view query;
};

std::string random_request_id() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::random_device device;
  std::string id = "http-";
  for (int word = 0; word < 4; ++word) {
    std::uint32_t bits = device();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4) id += kHex[bits & 15];
  }
  return id;
}

// Before the first server of the process.
void initialise_civetweb() {
  static const unsigned features = mg_init_library(0);
  (void)features;
}

}  // namespace

class CivetwebServer::Server {
 public:
  Server(HttpPorts ports, Duration patience) : ports_(std::move(ports)), patience_(patience) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status start(const Address& at);

 private:
  static int on_request(mg_connection* connection);
  static int on_error(mg_connection* connection, int status, const char* text);
  static int on_log(const mg_connection* connection, const char* message);

  ApiResponse answer(mg_connection* connection, const Request& request);
  ApiResponse read(const Request& request);
  ApiResponse logs(const Request& request);
  ApiResponse put(mg_connection* connection);
  ApiResponse write_all(std::vector<CommandBody> writes, const std::string& id);
  ApiResponse write(mg_connection* connection, const Request& request);
  Result<std::string> write_one(CommandBody body, std::string id);
  Error no_answer();

  Address at_;
  HttpPorts ports_;
  Duration patience_;
  std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
  std::atomic<int> waiting_{0};
  std::mutex log_mutex_;
  std::string last_log_;
  mg_context* context_ = nullptr;

  // Counts this thread among those that wait for others, for as long as it lives.
  class Place {
   public:
    explicit Place(std::atomic<int>& count) : count_(count), taken_(++count <= kWaitingMax) {}
    ~Place() { --count_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    [[nodiscard]] bool taken() const { return taken_; }

   private:
    std::atomic<int>& count_;
    bool taken_;
  };
};

namespace {

// Headers and body leave in one write: civetweb's own way costs a delayed ACK a request.
void send(mg_connection* connection, const ApiResponse& response, bool with_body,
          std::string_view more_headers = {}) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " " +
                    mg_get_response_code_text(connection, response.status) +
                    "\r\nContent-Type: " + response.content_type +
                    "\r\nContent-Length: " + std::to_string(response.body.size()) +
                    "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
  out += more_headers;
  out += "\r\n";
  if (with_body) out += response.body;
  mg_write(connection, out.data(), out.size());
}

// What the client still sends is read and thrown away, so that it reads the answer and no reset.
void drain(mg_connection* connection) {
  std::array<char, 16 * 1024> bytes{};
  std::size_t total = 0;
  while (total < kDrainBytesMax) {
    const int got = mg_read(connection, bytes.data(), bytes.size());
    if (got <= 0) return;
    total += static_cast<std::size_t>(got);
  }
}

// The body; nothing when it is larger than allowed.
std::optional<std::string> read_body(mg_connection* connection) {
  const long long announced = mg_get_request_info(connection)->content_length;
  if (announced > static_cast<long long>(CivetwebServer::kBodyBytesMax)) return std::nullopt;
  std::string body;
  std::array<char, 16 * 1024> bytes{};
  while (true) {
    const int got = mg_read(connection, bytes.data(), bytes.size());
    if (got <= 0) return body;
    body.append(bytes.data(), static_cast<std::size_t>(got));
    if (body.size() > CivetwebServer::kBodyBytesMax) return std::nullopt;
  }
}

std::string_view view_of(const char* text) { return text == nullptr ? std::string_view() : text; }

}  // namespace

// --- the library's side ---
CivetwebServer::Server::~Server() {
  if (context_ == nullptr) return;
  desk_->stop(kStopPatience);  // once civetweb is told to stop it writes nothing more
  // Its acceptor looks every two seconds whether it shall stop, and whenever somebody connects.
  std::atomic<bool> stopped = false;
  std::thread waker([&] {
    while (!stopped) {
      std::array<char, 128> error{};
      mg_connection* connection =
          mg_connect_client(at_.host.c_str(), at_.port, 0, error.data(), error.size());
      if (connection != nullptr) mg_close_connection(connection);
      std::this_thread::sleep_for(kWakeEvery);
    }
  });
  mg_stop(context_);
  stopped = true;
  waker.join();
}

Status CivetwebServer::Server::start(const Address& at) {
  at_ = at;
  initialise_civetweb();
  const std::string port = at.text();
  const std::string threads = std::to_string(kThreads);
  // A silent client holds a thread for request_timeout_ms, an idle one for keep_alive_timeout_ms.
  const std::array<const char*, 23> options{"listening_ports",
                                            port.c_str(),
                                            "num_threads",
                                            threads.c_str(),
                                            "enable_keep_alive",
                                            "yes",
                                            "keep_alive_timeout_ms",
                                            "500",
                                            "request_timeout_ms",
                                            "5000",
                                            "tcp_nodelay",
                                            "1",
                                            "max_request_size",
                                            "16384",
                                            "decode_url",
                                            "no",
                                            "connection_queue",
                                            "32",
                                            "listen_backlog",
                                            "64",
                                            "enable_auth_domain_check",
                                            "no",
                                            nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &Server::on_request;
  callbacks.http_error = &Server::on_error;
  callbacks.log_message = &Server::on_log;
  std::array<char, 256> text{};
  mg_error_data error{nullptr, text.data(), text.size()};
  mg_init_data init{&callbacks, this, const_cast<const char**>(options.data())};
  context_ = mg_start2(&init, &error);
  if (context_ != nullptr) return {};
  const std::lock_guard lock(log_mutex_);
  const std::string why = last_log_.empty() ? std::string(text.data()) : last_log_;
  return fail(Code::Unavailable,
              "cannot serve HTTP on " + port + ": " + why +
                  "; is another agent running there? Stop it or set another listen.http_port");
}

int CivetwebServer::Server::on_log(const mg_connection* connection, const char* message) {
  auto* server = static_cast<Server*>(mg_get_user_data(mg_get_context(connection)));
  if (server != nullptr) {
    const std::lock_guard lock(server->log_mutex_);
    server->last_log_ = message;
  }
  return 1;  // said: what matters of it becomes the Error of open()
}

int CivetwebServer::Server::on_error(mg_connection* connection, int status, const char* text) {
  mg_disable_keep_alive(connection);
  send(connection, problem(status, "refused", view_of(text)), true, "Connection: close\r\n");
  return 0;
}

int CivetwebServer::Server::on_request(mg_connection* connection) {
  auto& server = *static_cast<Server*>(mg_get_user_data(mg_get_context(connection)));
  const Attendance attendance(*server.desk_);
  const mg_request_info& info = *mg_get_request_info(connection);
  const Request request{view_of(info.request_method), view_of(info.local_uri_raw),
                        view_of(info.query_string)};
  ApiResponse response;
  try {
    response = server.answer(connection, request);
  } catch (const std::exception& error) {  // out of memory; it must not unwind into C
    response = {500, std::string(kTextType), error.what()};
  }
  std::string more;
  if (response.status == 405) {
    more += "Allow: " + std::string(allowed_methods(request.path)) + "\r\n";
  }
  if (response.status == 413) {
    drain(connection);
    mg_disable_keep_alive(connection);
    more += "Connection: close\r\n";
  }
  send(connection, response, request.method != "HEAD", more);
  return response.status;
}

// --- answers ---
ApiResponse CivetwebServer::Server::answer(mg_connection* connection, const Request& request) {
  if (request.path.size() + request.query.size() > kUriBytesMax) {
    return problem(414, "too long",
                   "the URI has more than " + std::to_string(kUriBytesMax) + " bytes");
  }
  const std::string_view allowed = allowed_methods(request.path);
  if (allowed.empty()) {
    return problem(404, "not found", "no such path: " + in_quotes(request.path));
  }
  if (request.method == "GET" || request.method == "HEAD") return read(request);
  if (allowed.find(request.method) == std::string_view::npos) {
    return problem(405, "wrong method", in_quotes(request.path) + " takes " + std::string(allowed));
  }
  return write(connection, request);
}

ApiResponse CivetwebServer::Server::read(const Request& request) {
  if (request.path == "/metrics") return {200, std::string(kMetricsType), ports_.metrics()};
  if (log_instance(request.path) != 0) return logs(request);
  const auto view = ports_.view();
  if (auto own = answer_read(*view, request.path, request.query)) return std::move(*own);

  const Place place(waiting_);
  if (!place.taken()) return problem(503, "busy", "too many requests wait here: try again");
  using Reply = std::pair<int, std::string>;
  const auto slot = std::make_shared<Desk::Slot<Reply>>();
  ports_.read(std::string(request.path), std::string(request.query),
              [desk = desk_, slot](int status, std::string body) {
                desk->put(slot, Reply(status, std::move(body)));
              });
  auto reply = desk_->wait(slot, patience_);
  if (!reply) return problem(no_answer());
  if (reply->second.empty()) return no_coordinator(*view);
  return {reply->first, std::string(reply->first == 200 ? kJsonType : kProblemType),
          std::move(reply->second)};
}

ApiResponse CivetwebServer::Server::logs(const Request& request) {
  const InstanceId instance = log_instance(request.path);
  const auto lines = query_number(request.query, "lines", 100, kLogLinesMax);
  if (!lines) return problem(lines.error());
  auto text = ports_.log_tail(instance, static_cast<unsigned>(*lines));
  if (text) return {200, std::string(kTextType), std::move(*text)};
  const auto view = ports_.view();
  if (text.error().code == Code::NotFound && view->master) {
    const auto& placements = view->master->state->placements;
    const auto placement = placements.find(instance);
    if (placement != placements.end() && placement->second.node != view->self.name) {
      text.error().text += ": ask node " + placement->second.node;
    }
  }
  return problem(text.error());
}

ApiResponse CivetwebServer::Server::write(mg_connection* connection, const Request& request) {
  if (mg_get_header(connection, "Origin") != nullptr) {
    return problem(403, "not permitted", "web pages may not write: send no Origin header");
  }
  const std::string_view given = view_of(mg_get_header(connection, "Muster-Request-Id"));
  if (given.size() > kRequestIdBytesMax || !one_line_text(given)) {
    return problem(400, "wrong request",
                   "Muster-Request-Id: expected one line of at most 128 bytes");
  }
  const std::string id = given.empty() ? random_request_id() : std::string(given);
  std::vector<CommandBody> writes;
  if (request.method == "DELETE") {
    const std::string_view name = workload_name(request.path);
    if (!valid_name(name)) {
      return problem(Error{Code::NotFound, "no workload is called " + in_quotes(name)});
    }
    writes.emplace_back(StopWorkload{std::string(name)});
  } else {
    const auto body = read_body(connection);
    if (!body) {
      return problem(413, "too large",
                     "the body has more than " + std::to_string(kBodyBytesMax) + " bytes");
    }
    auto parsed = parse_writes(*body);
    if (!parsed) return problem(parsed.error());
    writes = std::move(*parsed);
  }
  return write_all(std::move(writes), id);
}

ApiResponse CivetwebServer::Server::write_all(std::vector<CommandBody> writes,
                                              const std::string& id) {
  const Place place(waiting_);
  if (!place.taken()) return problem(503, "busy", "too many requests wait here: try again");
  std::vector<std::string> results;
  for (CommandBody& body : writes) {
    // Each write of a request has an id of its own: a repeated request does what is missing.
    const std::size_t done = results.size();
    auto result = write_one(std::move(body), done == 0 ? id : id + "/" + std::to_string(done));
    if (!result) {
      Error error = std::move(result.error());
      if (writes.size() > 1) {
        error.text = "document " + std::to_string(done + 1) + " of " +
                     std::to_string(writes.size()) + ": " + error.text +
                     (done == 0 ? "" : "; those before it were taken");
      }
      return problem(error);
    }
    results.push_back(std::move(*result));
  }
  return {200, std::string(kJsonType), results_json(results)};
}

Result<std::string> CivetwebServer::Server::write_one(CommandBody body, std::string id) {
  const auto slot = std::make_shared<Desk::Slot<Result<std::string>>>();
  ports_.write(std::move(body), std::move(id), [desk = desk_, slot](Result<std::string> result) {
    desk->put(slot, std::move(result));
  });
  auto result = desk_->wait(slot, patience_);
  if (result) return std::move(*result);
  return tl::unexpected<Error>(no_answer());
}

Error CivetwebServer::Server::no_answer() {
  if (desk_->stopping()) return {Code::Unavailable, "this agent is stopping: ask another"};
  return {Code::Unknown, "no answer in " + std::to_string(static_cast<int>(seconds(patience_))) +
                             " s: it may or may not have been done; try again"};
}

// --- the public side ---
Result<std::unique_ptr<CivetwebServer>> CivetwebServer::open(const Address& at, HttpPorts ports,
                                                             Duration patience) {
  auto server = std::make_unique<Server>(std::move(ports), patience);
  if (const Status started = server->start(at); !started) {
    return tl::unexpected<Error>(started.error());
  }
  return std::unique_ptr<CivetwebServer>(new CivetwebServer(std::move(server)));
}

CivetwebServer::CivetwebServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}
CivetwebServer::~CivetwebServer() = default;

}  // namespace muster::agent
