#include "agent/asio_tls_front.h"

#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "agent/asio_connection.h"
#include "agent/asio_front_client.h"
#include "agent/asio_upstream.h"
#include "agent/posix_clock.h"
#include "base/problem.h"
#include "identity/openssl_tls.h"

namespace muster::agent {
namespace {

using asio::ip::tcp;

constexpr std::size_t kScratchBytes = std::size_t{64} << 10;
constexpr auto kSweep = std::chrono::milliseconds(100);
constexpr auto kAcceptRetry = std::chrono::milliseconds(100);

// An endpoint, or why there is none.
Result<tcp::endpoint> endpoint_of(const Address& address) {
  asio::error_code error;
  const auto ip = asio::ip::make_address(address.host, error);
  if (!error) return tcp::endpoint(ip, address.port);
  return fail(Code::InvalidArgument, "cannot serve HTTPS on " + address.text() +
                                         ": not a numeric address; set listen.address");
}

}  // namespace

class AsioTlsFront::Impl {
 public:
  Impl(FrontOptions options, std::shared_ptr<const identity::OpensslTls> tls, OnDropped on_dropped)
      : options_(std::move(options)),
        tls_(std::move(tls)),
        on_dropped_(std::move(on_dropped)),
        acceptor_(io_),
        also_(io_),
        sweep_timer_(io_),
        handshakes_(std::make_unique<AsioHandshakes>(io_)),
        upstream_(io_, options_.server, options_.connections),
        scratch_(kScratchBytes),
        house_{options_, upstream_, scratch_,
               [this](const std::string& reason, const std::string& why, const Address& from) {
                 on_dropped_({reason, why, from});
               },
               [this](FrontClient* client) { clients_.erase(client); }} {}

  Status listen() {
    const auto at = endpoint_of(options_.listen);
    if (!at) return tl::unexpected<Error>(at.error());
    if (const auto server = endpoint_of(options_.server); !server) {
      return tl::unexpected<Error>(server.error());
    }
    if (Status listening = listen_on(acceptor_, options_.listen); !listening) return listening;
    if (!options_.also) return {};
    const Status also = listen_on(also_, *options_.also);
    if (also) return {};
    why_not_also_ = also.error().text;
    asio::error_code ignored;
    also_.close(ignored);
    return {};
  }

  void start() {
    accept(acceptor_);
    if (also_.is_open()) accept(also_);
    sweep();
    thread_ = std::thread([this] { io_.run(); });
  }

  void stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    handshakes_.reset();
    const auto clients = clients_;  // ending takes them out of it
    for (const auto& [key, client] : clients) client->end();
    upstream_.shut();
  }

  [[nodiscard]] Address address() const { return address_of(acceptor_); }
  [[nodiscard]] Address also() const { return also_.is_open() ? address_of(also_) : Address{}; }
  [[nodiscard]] const std::string& why_not_also() const { return why_not_also_; }

 private:
  static Address address_of(const tcp::acceptor& acceptor) {
    const tcp::endpoint at = acceptor.local_endpoint();
    return {at.address().to_string(), at.port()};
  }

  static Status listen_on(tcp::acceptor& acceptor, const Address& address) {
    const auto at = endpoint_of(address);
    if (!at) return tl::unexpected<Error>(at.error());
    asio::error_code error;
    acceptor.open(at->protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(*at, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return {};
    return fail(Code::Unavailable, "cannot serve HTTPS on " + address.text() + ": " +
                                       error.message() +
                                       "; is another agent running there? Stop it or set another "
                                       "listen.http_port");
  }

  void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([this, &acceptor](const asio::error_code& error, tcp::socket socket) {
      if (error) {  // out of descriptors, most likely
        auto retry = std::make_shared<asio::steady_timer>(io_, kAcceptRetry);
        return retry->async_wait(
            [this, &acceptor, retry](const asio::error_code&) { accept(acceptor); });
      }
      greet(std::make_shared<Connection>(std::move(socket)));
      accept(acceptor);
    });
  }

  void greet(const ConnectionPtr& connection) {
    const Address from = connection->peer();
    if (clients_.size() >= kClientsMax) {
      on_dropped_({"too_many", "as many clients are served as this agent bears", from});
      return;
    }
    set_options(connection->socket);
    connection->channel.emplace(connection->socket.native_handle(),
                                tls_->begin(identity::TlsEnd::HttpServer));
    handshakes_->begin(connection, [this, connection, from](const auto& refused) {
      if (refused) {
        on_dropped_({refused->reason, refused->why, from});
        return connection->shut();
      }
      serve(connection, from);
    });
  }

  void serve(const ConnectionPtr& connection, const Address& from) {
    std::vector<std::pair<std::string, std::string>> claims{{"X-Muster-Front", options_.secret},
                                                            {"X-Muster-Peer-Address", from.host}};
    if (const auto user = identity::user_of(connection->channel->tls())) {
      if (!one_line_text(user->name) || !one_line_text(user->cluster)) {
        on_dropped_({"tls_wrong_kind", "a certificate with a name that no field can carry", from});
        return connection->shut();
      }
      claims.emplace_back("X-Muster-Peer-Name", user->name);
      claims.emplace_back("X-Muster-Peer-Role", to_text(user->role));
      claims.emplace_back("X-Muster-Peer-Serial", user->serial);
      claims.emplace_back("X-Muster-Peer-Cluster", user->cluster);
      claims.emplace_back("X-Muster-Peer-Expires",
                          std::to_string(user->expires.time_since_epoch().count()));
    }
    auto client = std::make_shared<FrontClient>(house_, connection, std::move(claims));
    clients_.emplace(client.get(), client);
    client->start();
  }

  void sweep() {
    const Instant now = control_now();
    upstream_.close_idle(now);
    const auto clients = clients_;  // ending takes them out of it
    for (const auto& [key, client] : clients) client->end_if_late(now);
    sweep_timer_.expires_after(kSweep);
    sweep_timer_.async_wait([this](const asio::error_code& error) {
      if (!error) sweep();
    });
  }

  FrontOptions options_;
  std::shared_ptr<const identity::OpensslTls> tls_;
  OnDropped on_dropped_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  tcp::acceptor also_;
  std::string why_not_also_;
  asio::steady_timer sweep_timer_;
  std::unique_ptr<AsioHandshakes> handshakes_;
  AsioUpstream upstream_;
  std::vector<char> scratch_;
  FrontClient::House house_;
  std::map<const FrontClient*, std::shared_ptr<FrontClient>> clients_;
  std::thread thread_;
};

AsioTlsFront::AsioTlsFront(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
// What join() may throw means a broken system: the end of the process is right then.
// NOLINTNEXTLINE(bugprone-exception-escape)
AsioTlsFront::~AsioTlsFront() { impl_->stop(); }

Result<std::unique_ptr<AsioTlsFront>> AsioTlsFront::open(
    FrontOptions options, std::shared_ptr<const identity::OpensslTls> tls, OnDropped on_dropped) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(tls), std::move(on_dropped));
  if (Status listening = impl->listen(); !listening) return tl::unexpected(listening.error());
  impl->start();
  return std::unique_ptr<AsioTlsFront>(new AsioTlsFront(std::move(impl)));
}

Address AsioTlsFront::address() const { return impl_->address(); }
Address AsioTlsFront::also() const { return impl_->also(); }
const std::string& AsioTlsFront::why_not_also() const { return impl_->why_not_also(); }

}  // namespace muster::agent
