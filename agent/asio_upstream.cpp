#include "agent/asio_upstream.h"

#include <algorithm>
#include <utility>

#include "agent/posix_clock.h"

namespace muster::agent {

using asio::ip::tcp;

AsioUpstream::AsioUpstream(asio::io_context& io, const Address& server, std::size_t connections_max)
    : io_(io), server_(server), max_(connections_max) {}

bool AsioUpstream::may_have(const std::string& from) const {
  if (from.empty()) return true;
  const auto own = std::count_if(slow_.begin(), slow_.end(),
                                 [&](const auto& one) { return one.second == from; });
  return slow_.size() < std::max<std::size_t>(1, max_ / 4) &&
         static_cast<std::size_t>(own) < kSlowOfAddressMax;
}

void AsioUpstream::give(const ConnectionPtr& connection, const std::string& from, const Got& got) {
  if (!from.empty()) slow_[connection.get()] = from;
  got(connection);
}

void AsioUpstream::acquire(const void* waiter, const std::string& from, Got got) {
  const bool may = may_have(from);
  if (may && !idle_.empty()) {
    const ConnectionPtr connection = std::move(idle_.back().connection);
    idle_.pop_back();
    return give(connection, from, got);
  }
  if (may && open_ < max_) return open_for(from, std::move(got));
  waiting_.push_back({waiter, from, std::move(got)});
}

void AsioUpstream::forget(const void* waiter) {
  std::erase_if(waiting_, [&](const Waiter& one) { return one.who == waiter; });
}

void AsioUpstream::open_for(const std::string& from, Got got) {
  ++open_;
  auto connection = std::make_shared<Connection>(io_);
  if (!from.empty()) slow_[connection.get()] = from;
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
  slow_.erase(connection.get());
  idle_.push_back({std::move(connection), control_now()});
  serve_next();
}

void AsioUpstream::discard(const ConnectionPtr& connection) {
  slow_.erase(connection.get());
  connection->shut();
  --open_;
  serve_next();
}

void AsioUpstream::serve_next() {
  const auto next = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const Waiter& one) { return may_have(one.from); });
  if (next == waiting_.end()) return;
  Waiter waiter = std::move(*next);
  waiting_.erase(next);
  acquire(waiter.who, waiter.from, std::move(waiter.got));
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
