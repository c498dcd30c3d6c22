#include "agent/asio_notify.h"

#include <chrono>
#include <cstdlib>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/local/datagram_protocol.hpp>
#include <asio/steady_timer.hpp>

namespace muster::agent {

class AsioNotify::Impl {
 public:
  explicit Impl(asio::io_context& io) : socket_(io), timer_(io) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || *path == '\0') return;
    std::string name = path;
    if (name.front() == '@') name.front() = '\0';  // an abstract address
    asio::error_code error;
    socket_.open(asio::local::datagram_protocol(), error);
    if (!error) socket_.connect(asio::local::datagram_protocol::endpoint(name), error);
    connected_ = !error;
    const char* interval = std::getenv("WATCHDOG_USEC");
    if (interval != nullptr) feed_every_ = std::chrono::microseconds(std::atoll(interval) / 2);
  }

  void send(const std::string& text) {
    if (!connected_) return;
    asio::error_code ignored;  // systemd misses a beat; the next one is under way
    socket_.send(asio::buffer(text), 0, ignored);
  }

  void feed() {
    if (!connected_ || feed_every_.count() <= 0) return;
    send("WATCHDOG=1");
    timer_.expires_after(feed_every_);
    timer_.async_wait([this](const asio::error_code& error) {
      if (!error) feed();
    });
  }

 private:
  asio::local::datagram_protocol::socket socket_;
  asio::steady_timer timer_;
  std::chrono::microseconds feed_every_{0};
  bool connected_ = false;
};

AsioNotify::AsioNotify(asio::io_context& io) : impl_(std::make_unique<Impl>(io)) {}
AsioNotify::~AsioNotify() = default;

void AsioNotify::ready(const std::string& status) {
  impl_->send("READY=1\nSTATUS=" + status);
  impl_->feed();
}
void AsioNotify::stopping() { impl_->send("STOPPING=1"); }

}  // namespace muster::agent
