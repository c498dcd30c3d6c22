// Which connections are there to the HTTP server behind the front, and who has one?
//
// A driver (Asio), on one io_context's thread. The server serves a connection with a thread for as
// long as it is open: so there are never more connections than it has threads, requests wait here
// for one, and a connection that is idle is closed before the server closes it. Who has not sent
// all of his request yet may take as long as he likes: such requests together get a quarter of the
// connections, and each address a few.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/asio_connection.h"
#include "base/error.h"

namespace muster::agent {

class AsioUpstream {
 public:
  static constexpr Duration kIdle = std::chrono::milliseconds(250);  // the server closes after 500

  AsioUpstream(asio::io_context& io, const Address& server, std::size_t connections_max);

  // Null: the server cannot be reached.
  using Got = std::function<void(ConnectionPtr)>;
  // `got` comes at once, or when it is its turn. `waiter` names it for forget(). `from`: the
  // address of a client that has not sent all of its request; empty: it has.
  void acquire(const void* waiter, const std::string& from, Got got);
  void forget(const void* waiter);
  // Pre: nothing of a request is under way on it.
  void release(ConnectionPtr connection);
  void discard(const ConnectionPtr& connection);  // its state is not known
  void close_idle(Instant now);
  void shut();

 private:
  struct Idle {
    ConnectionPtr connection;
    Instant since;
  };
  struct Waiter {
    const void* who;
    std::string from;
    Got got;
  };
  static constexpr std::size_t kSlowOfAddressMax = 4;
  [[nodiscard]] bool may_have(const std::string& from) const;
  void give(const ConnectionPtr& connection, const std::string& from, const Got& got);
  void open_for(const std::string& from, Got got);
  void serve_next();

  asio::io_context& io_;
  Address server_;
  std::size_t max_;
  std::size_t open_ = 0;  // idle, in use or being opened
  std::vector<Idle> idle_;
  std::deque<Waiter> waiting_;
  std::map<const Connection*, std::string> slow_;  // who has it, as long as it is in use
};

}  // namespace muster::agent
