#include "agent/asio_metrics_door.h"

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "agent/asio_connection.h"
#include "agent/asio_door_client.h"
#include "agent/posix_clock.h"
#include "identity/openssl_server_tls.h"

namespace muster::agent {
namespace {

using asio::ip::tcp;

constexpr std::size_t kScratchBytes = std::size_t{16} << 10;
constexpr auto kSweep = std::chrono::milliseconds(250);
constexpr auto kAcceptRetry = std::chrono::milliseconds(100);

// What a client of the door did, where the words for nodes of a cluster would mislead.
std::string meaning_of(const std::string& reason, const std::string& why) {
  if (reason == "tls_no_certificate") return "a scraper shows no certificate, which is asked for";
  if (reason == "tls_not_tls") return "a scraper speaks no TLS, or an older one than min_version";
  return "a scraper's TLS handshake came to nothing: " + why;
}

}  // namespace

class AsioMetricsDoor::Impl {
 public:
  Impl(DoorOptions options, DoorPorts ports)
      : options_(std::move(options)),
        ports_(std::move(ports)),
        acceptor_(io_),
        sweep_timer_(io_),
        scratch_(kScratchBytes),
        handshakes_(std::make_unique<AsioHandshakes>(io_)),
        auth_(std::make_unique<AsioBasicAuth>(io_, ports_.not_proved)),
        house_{options_,
               ports_,
               io_,
               scrapers_,
               scratch_,
               *auth_,
               std::make_shared<const WebConfig>(),
               0,
               [this](DoorClient* client) { clients_.erase(client); }} {}

  Status open() {
    if (!options_.web_config.empty()) {
      loaded_ = load_web_config(options_.web_config, options_.must_prove);
      if (!loaded_.config) return tl::unexpected<Error>(loaded_.config.error());
      house_.config = std::make_shared<const WebConfig>(*loaded_.config);
    }
    if (Status listening = listen(); !listening) return listening;
    const WebConfig& config = *house_.config;
    text_ = config.tls != nullptr ? "https://" : "http://";
    text_ += address().text() + "/metrics, for ";
    text_ += config.users.empty()       ? std::string(config.verifies_clients ? "" : "everybody")
             : config.users.size() == 1 ? std::string("one user")
                                        : std::to_string(config.users.size()) + " users";
    if (config.verifies_clients) {
      text_ += config.users.empty() ? "who has a certificate" : ", with a certificate";
    }
    shows_passwords_ = config.tls == nullptr && !config.users.empty();
    return {};
  }

  void start() {
    accept();
    sweep();
    thread_ = std::thread([this] { io_.run(); });
  }

  // The threads of scrapes end with what they do: nothing may be gone that they use.
  void stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    scrapers_.stop();
    scrapers_.join();
    auth_.reset();
    handshakes_.reset();
    const auto clients = clients_;  // ending takes them out of it
    for (const auto& [key, client] : clients) client->end();
  }

  void reload() {
    asio::post(io_, [this] {
      if (!options_.web_config.empty()) take();
    });
  }

  [[nodiscard]] Address address() const {
    const tcp::endpoint at = acceptor_.local_endpoint();
    return {at.address().to_string(), at.port()};
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::size_t passwords_checked() const { return auth_->checked(); }
  [[nodiscard]] bool shows_passwords() const { return shows_passwords_; }

 private:
  Status listen() {
    const std::string at = options_.listen.text();
    asio::error_code error;
    const auto ip = asio::ip::make_address(options_.listen.host, error);
    if (error) {
      return fail(Code::InvalidArgument, "metrics.listen: " + at + " is not a numeric address");
    }
    const tcp::endpoint endpoint(ip, options_.listen.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return {};
    const std::string next = error == asio::error::address_in_use
                                 ? "; does an exporter run there? Stop it or set another "
                                 : "; write an address of this machine as ";
    return fail(Code::Unavailable,
                "cannot serve metrics on " + at + ": " + error.message() + next + "metrics.listen");
  }

  // --- the file ---
  // Taken once it has stood still from one look to the next: whoever writes it, or a certificate
  // and then its key, is not met halfway. What was wrong is not read again before it changes: so it
  // is said once.
  void look() {
    const Instant now = control_now();
    if (options_.web_config.empty() || now < look_at_) return;
    look_at_ = now + options_.look_every;
    auto stamps = loaded_.stamps();
    const bool still = std::exchange(seen_, stamps) == stamps;
    if (still && loaded_.stale(stamps)) take();
  }

  void take() {
    loaded_ = load_web_config(options_.web_config, options_.must_prove);
    if (!loaded_.config) {
      return ports_.reloaded(false, "metrics.web_config not taken, what it said before holds: " +
                                        loaded_.config.error().text);
    }
    house_.config = std::make_shared<const WebConfig>(*loaded_.config);
    // Who came in under the old one shows what the new one asks for.
    const auto clients = clients_;  // ending takes them out of it
    for (const auto& [key, client] : clients) client->end_after_answer();
    ports_.reloaded(true, "taken: metrics.web_config " + options_.web_config);
  }

  // --- clients ---
  void accept() {
    acceptor_.async_accept([this](const asio::error_code& error, tcp::socket socket) {
      if (error) {  // out of descriptors, most likely
        auto retry = std::make_shared<asio::steady_timer>(io_, kAcceptRetry);
        return retry->async_wait([this, retry](const asio::error_code&) { accept(); });
      }
      greet(std::make_shared<Connection>(std::move(socket)));
      accept();
    });
  }

  void greet(const ConnectionPtr& connection) {
    const Address from = connection->peer();
    set_options(connection->socket);
    if (house_.config->tls == nullptr) {
      connection->channel.emplace(connection->socket.native_handle());
      return serve(connection);
    }
    connection->channel.emplace(connection->socket.native_handle(), house_.config->tls->begin());
    handshakes_->begin(
        connection, [this, connection, from, config = house_.config](const auto& refused) {
          if (refused) {
            ports_.dropped(refused->reason, meaning_of(refused->reason, refused->why), from);
            return connection->shut();
          }
          if (config != house_.config) return connection->shut();  // it was greeted by the old one
          serve(connection);
        });
  }

  // Who has asked nothing for longest gives way. False: all are being answered.
  bool make_room() {
    const auto idlest =
        std::min_element(clients_.begin(), clients_.end(), [](const auto& a, const auto& b) {
          return a.second->idle_since() < b.second->idle_since();
        });
    if (idlest->second->idle_since() == kNever) return false;
    const auto client = idlest->second;  // ending takes it out of the map
    client->end();
    return true;
  }

  void serve(const ConnectionPtr& connection) {
    if (clients_.size() >= kClientsMax && !make_room()) {
      ports_.dropped("too_many", "as many scrapers are served as this agent bears",
                     connection->peer());
      return connection->shut();
    }
    auto client = std::make_shared<DoorClient>(house_, connection);
    clients_.emplace(client.get(), client);
    client->start();
  }

  void sweep() {
    look();
    const Instant now = control_now();
    const auto clients = clients_;  // ending takes them out of it
    for (const auto& [key, client] : clients) client->end_if_late(now);
    sweep_timer_.expires_after(kSweep);
    sweep_timer_.async_wait([this](const asio::error_code& error) {
      if (!error) sweep();
    });
  }

  DoorOptions options_;
  DoorPorts ports_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer sweep_timer_;
  std::vector<char> scratch_;
  asio::thread_pool scrapers_{kScrapers};
  std::unique_ptr<AsioHandshakes> handshakes_;
  std::unique_ptr<AsioBasicAuth> auth_;
  LoadedWebConfig loaded_;
  Instant look_at_{};
  std::vector<std::optional<FileStamp>> seen_;  // by the last look
  DoorClient::House house_;
  std::map<const DoorClient*, std::shared_ptr<DoorClient>> clients_;
  std::string text_;
  bool shows_passwords_ = false;
  std::thread thread_;
};

AsioMetricsDoor::AsioMetricsDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
// What join() may throw means a broken system: the end of the process is right then.
// NOLINTNEXTLINE(bugprone-exception-escape)
AsioMetricsDoor::~AsioMetricsDoor() { impl_->stop(); }

Result<std::unique_ptr<AsioMetricsDoor>> AsioMetricsDoor::open(DoorOptions options,
                                                               DoorPorts ports) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(ports));
  if (Status opened = impl->open(); !opened) return tl::unexpected<Error>(opened.error());
  impl->start();
  return std::unique_ptr<AsioMetricsDoor>(new AsioMetricsDoor(std::move(impl)));
}

void AsioMetricsDoor::reload() { impl_->reload(); }
Address AsioMetricsDoor::address() const { return impl_->address(); }
const std::string& AsioMetricsDoor::text() const { return impl_->text(); }
std::size_t AsioMetricsDoor::passwords_checked() const { return impl_->passwords_checked(); }
bool AsioMetricsDoor::shows_passwords() const { return impl_->shows_passwords(); }

}  // namespace muster::agent
