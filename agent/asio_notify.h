// How does systemd hear that the agent is up and alive?
//
// A driver (Asio, the sd_notify datagram protocol: NOTIFY_SOCKET and WATCHDOG_USEC). Fed by the
// control loop itself: a loop that stands still stops feeding, and systemd restarts the agent.
#pragma once

#include <memory>
#include <string>

namespace asio {
class io_context;
}

namespace muster::agent {

class AsioNotify {
 public:
  // Does nothing at all when systemd has not asked for it.
  explicit AsioNotify(asio::io_context& io);
  ~AsioNotify();

  // READY=1, then WATCHDOG=1 at half of the interval that systemd wants.
  void ready(const std::string& status);
  void stopping();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::agent
