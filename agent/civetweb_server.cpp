#include "agent/civetweb_server.h"

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include <civetweb.h>

#include "agent/civetweb_handlers.h"

namespace muster::agent {
namespace {

constexpr auto kStopPatience = std::chrono::milliseconds(500);
constexpr auto kWakeEvery = std::chrono::milliseconds(10);

// Before the first server of the process.
void initialise_civetweb() {
  static const unsigned features = mg_init_library(0);
  (void)features;
}

}  // namespace

class CivetwebServer::Server {
 public:
  Server(HttpPorts ports, Options options)
      : front_(options.front), handlers_(std::move(ports), options) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status start(const Address& at);
  [[nodiscard]] const Address& address() const { return at_; }
  void published(const std::shared_ptr<const View>& view) { handlers_.published(view); }

 private:
  static int on_request(mg_connection* connection);
  static int on_error(mg_connection* connection, int status, const char* text);
  static int on_log(const mg_connection* connection, const char* message);
  static int on_connection(const mg_connection* connection, void** data);
  static void on_connection_closed(const mg_connection* connection);
  static Server& of(const mg_connection* connection) {
    return *static_cast<Server*>(mg_get_user_data(mg_get_context(connection)));
  }

  Address at_;
  std::string front_;
  Handlers handlers_;
  std::atomic<int> connections_{0};  // each has a thread
  std::mutex log_mutex_;
  std::string last_log_;
  mg_context* context_ = nullptr;
};

CivetwebServer::Server::~Server() {
  if (context_ == nullptr) return;
  handlers_.stop(kStopPatience);  // once civetweb is told to stop it writes nothing more
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
                                            "128",
                                            "listen_backlog",
                                            "256",
                                            "enable_auth_domain_check",
                                            "no",
                                            nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &Server::on_request;
  callbacks.http_error = &Server::on_error;
  callbacks.log_message = &Server::on_log;
  callbacks.init_connection = &Server::on_connection;
  callbacks.connection_closed = &Server::on_connection_closed;
  std::array<char, 256> text{};
  mg_error_data error{nullptr, text.data(), text.size()};
  mg_init_data init{&callbacks, this, const_cast<const char**>(options.data())};
  context_ = mg_start2(&init, &error);
  if (context_ != nullptr) {
    mg_server_port bound{};
    if (mg_get_server_ports(context_, 1, &bound) == 1) {
      at_.port = static_cast<std::uint16_t>(bound.port);
    }
    return {};
  }
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

int CivetwebServer::Server::on_connection(const mg_connection* connection, void** data) {
  (void)data;
  ++of(connection).connections_;
  return 0;
}

void CivetwebServer::Server::on_connection_closed(const mg_connection* connection) {
  --of(connection).connections_;
}

int CivetwebServer::Server::on_error(mg_connection* connection, int status, const char* text) {
  Exchange exchange(connection, "");
  exchange.answer(problem(status, "refused", text == nullptr ? "" : text), true);
  return 0;
}

int CivetwebServer::Server::on_request(mg_connection* connection) {
  Server& server = of(connection);
  Exchange exchange(connection, server.front_);
  return server.handlers_.serve(exchange, server.connections_ > kThreads - kThreadsSpare);
}

Result<std::unique_ptr<CivetwebServer>> CivetwebServer::open(const Address& at, HttpPorts ports,
                                                             Options options) {
  auto server = std::make_unique<Server>(std::move(ports), std::move(options));
  if (const Status started = server->start(at); !started) {
    return tl::unexpected<Error>(started.error());
  }
  return std::unique_ptr<CivetwebServer>(new CivetwebServer(std::move(server)));
}

CivetwebServer::CivetwebServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}
CivetwebServer::~CivetwebServer() = default;

Address CivetwebServer::address() const { return server_->address(); }

void CivetwebServer::published(const std::shared_ptr<const View>& view) {
  server_->published(view);
}

}  // namespace muster::agent
