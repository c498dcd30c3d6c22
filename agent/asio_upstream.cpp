#include "agent/asio_upstream.h"

#include <algorithm>
#include <utility>

#include "agent/posix_clock.h"

namespace muster::agent {

using asio::ip::tcp;

AsioUpstream::AsioUpstream(asio::io_context& io, const Address& server, std::size_t connections_max)
    : io_(io), server_(server), max_(connections_max) {}

void AsioUpstream::acquire(const void* waiter, Got got) {
  if (!idle_.empty()) {
    ConnectionPtr connection = std::move(idle_.back().connection);
    idle_.pop_back();
    return got(std::move(connection));
  }
  if (open_ < max_) return open_for(std::move(got));
  waiting_.push_back({waiter, std::move(got)});
}

void AsioUpstream::forget(const void* waiter) {
  std::erase_if(waiting_, [&](const Waiter& one) { return one.who == waiter; });
}

void AsioUpstream::open_for(Got got) {
  ++open_;
  auto connection = std::make_shared<Connection>(io_);
  const tcp::endpoint to(asio::ip::make_address(server_.host), server_.port);
  connection->socket.async_connect(
      to, [this, connection, got = std::move(got)](const asio::error_code& error) {
        if (error) {
          discard(connection);
          return got(nullptr);
        }
        set_options(connection->socket);
        connection->channel.emplace(connection->socket.native_handle());
        got(connection);
      });
}

void AsioUpstream::release(ConnectionPtr connection) {
  idle_.push_back({std::move(connection), control_now()});
  serve_next();
}

void AsioUpstream::discard(const ConnectionPtr& connection) {
  connection->shut();
  --open_;
  serve_next();
}

void AsioUpstream::serve_next() {
  if (waiting_.empty()) return;
  Got got = std::move(waiting_.front().got);
  waiting_.pop_front();
  acquire(nullptr, std::move(got));
}

void AsioUpstream::close_idle(Instant now) {
  while (!idle_.empty() && now - idle_.front().since >= kIdle) {
    idle_.front().connection->shut();
    idle_.erase(idle_.begin());
    --open_;
  }
}

void AsioUpstream::shut() {
  for (const Idle& idle : std::exchange(idle_, {})) idle.connection->shut();
  waiting_.clear();
}

}  // namespace muster::agent
