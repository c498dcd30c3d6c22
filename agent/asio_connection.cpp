#include "agent/asio_connection.h"

#include <algorithm>
#include <utility>

#include <asio/post.hpp>

namespace muster::agent {

using asio::ip::tcp;

namespace {

// A peer that lost its power leaves sent bytes unacknowledged: after this the stream is broken,
// instead of after the kernel's quarter of an hour.
constexpr int kUnacknowledgedMs = 3000;

// asio has no name for this option.
class TcpUserTimeout {
 public:
  template <class Protocol>
  [[nodiscard]] int level(const Protocol&) const {
    return 6;  // IPPROTO_TCP
  }
  template <class Protocol>
  [[nodiscard]] int name(const Protocol&) const {
    return 18;  // TCP_USER_TIMEOUT of linux/tcp.h
  }
  template <class Protocol>
  [[nodiscard]] const void* data(const Protocol&) const {
    return &kUnacknowledgedMs;
  }
  template <class Protocol>
  [[nodiscard]] std::size_t size(const Protocol&) const {
    return sizeof kUnacknowledgedMs;
  }
};

}  // namespace

void set_options(tcp::socket& socket) {
  asio::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(TcpUserTimeout(), ignored);
  socket.non_blocking(true, ignored);
}

// --- a connection ---
Connection::Connection(tcp::socket accepted)
    : socket(std::move(accepted)), timer(socket.get_executor()) {}
Connection::Connection(asio::io_context& io) : socket(io), timer(io) {}

void Connection::shut() {
  if (!std::exchange(is_shut, true) && channel && !stepping) channel->say_goodbye();
  timer.cancel();
  asio::error_code ignored;
  if (stepping) {
    socket.shutdown(tcp::socket::shutdown_both, ignored);
  } else {
    socket.close(ignored);
  }
}

Channel::Outcome Connection::read_into(std::string& in, std::vector<char>& scratch) {
  const Channel::Step step = channel->read(scratch.data(), scratch.size());
  if (step.outcome == Channel::Outcome::Done) in.append(scratch.data(), step.bytes);
  return step.outcome;
}

void Connection::end_sending() {
  channel->say_goodbye();
  asio::error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Connection::await(Channel::Outcome wanted, std::function<void(const asio::error_code&)> then) {
  const auto what =
      wanted == Channel::Outcome::WantsWrite ? tcp::socket::wait_write : tcp::socket::wait_read;
  socket.async_wait(what, std::move(then));
}

Address Connection::peer() const {
  asio::error_code error;
  const tcp::endpoint at = socket.remote_endpoint(error);
  return error ? Address{} : Address{at.address().to_string(), at.port()};
}

// --- handshakes ---
namespace {

AsioHandshakes::Refused refused_of(const Channel& channel) {
  std::string label = "tls_";
  label += identity::to_text(channel.refusal());
  std::replace(label.begin(), label.end(), '-', '_');
  return {std::move(label), channel.why()};
}

}  // namespace

AsioHandshakes::AsioHandshakes(asio::io_context& io) : io_(io) {}

// What join() may throw means a broken system: the end of the process is right then.
// NOLINTNEXTLINE(bugprone-exception-escape)
AsioHandshakes::~AsioHandshakes() {
  *alive_ = false;
  worker_.stop();
  worker_.join();
  for (auto& [id, guest] : under_way_) {
    guest.connection->stepping = false;
    guest.connection->shut();
  }
}

void AsioHandshakes::begin(const ConnectionPtr& connection, Done done) {
  make_room();
  const Id id = ++last_;
  under_way_[id] = {connection, std::move(done)};
  if (connection->channel->speaks_first()) return queue_step(id);
  step_when(id, Channel::Outcome::WantsRead);
}

void AsioHandshakes::make_room() {
  if (under_way_.size() < kUnderWayMax) return;
  auto oldest = std::find_if(under_way_.begin(), under_way_.end(), [](const auto& entry) {
    const Guest& guest = entry.second;
    return !guest.queued && !guest.connection->stepping &&
           guest.connection->channel->bytes_received() == 0;
  });
  if (oldest == under_way_.end()) oldest = under_way_.begin();
  finish(oldest->first, Refused{"tls_crowded", "too many handshakes are under way"});
}

void AsioHandshakes::watch_time(Id id) {
  const ConnectionPtr connection = under_way_.at(id).connection;
  connection->timer.expires_after(kPatience);
  connection->timer.async_wait([this, id, alive = alive_](const asio::error_code& error) {
    if (error || !*alive) return;
    const auto found = under_way_.find(id);
    if (found == under_way_.end()) return;
    const Guest& guest = found->second;
    if (guest.queued || guest.connection->stepping) return;
    if (guest.connection->timer.expiry() > std::chrono::steady_clock::now()) return;  // set anew
    finish(id, Refused{"tls_timeout", "the peer did not complete the TLS handshake in time"});
  });
}

void AsioHandshakes::queue_step(Id id) {
  Guest& guest = under_way_.at(id);
  guest.queued = true;
  // We have said something: the dear half of the work is done, and the peer waits for the rest.
  // What we ask of others is little, and must not wait for what others ask of us.
  const Channel& channel = *guest.connection->channel;
  queue_.push(id, channel.speaks_first() || channel.bytes_sent() > 0);
  put_to_work();
}

void AsioHandshakes::put_to_work() {
  while (at_work_ < kStepsAtWork) {
    const auto id = queue_.next();
    if (!id) return;
    const auto found = under_way_.find(*id);
    if (found == under_way_.end()) continue;
    if (found->second.connection->is_shut) {
      under_way_.erase(found);
    } else {
      work(*id, found->second);
    }
  }
}

void AsioHandshakes::work(Id id, Guest& guest) {
  guest.queued = false;
  guest.connection->stepping = true;
  ++at_work_;
  // The last to hold it must be the loop, whose it is.
  asio::post(worker_, [this, id, connection = guest.connection, alive = alive_]() mutable {
    const Channel::Step result = connection->channel->shake();
    asio::post(io_,
               [this, id, connection = std::move(connection), result, alive = std::move(alive)] {
                 connection->stepping = false;
                 if (!*alive) return;
                 --at_work_;
                 stepped(id, result);
                 put_to_work();
               });
  });
}

void AsioHandshakes::stepped(Id id, Channel::Step step_result) {
  const auto found = under_way_.find(id);
  if (found == under_way_.end()) return;
  const ConnectionPtr connection = found->second.connection;
  if (connection->is_shut) {
    under_way_.erase(found);
    return connection->shut();
  }
  if (step_result.outcome == Channel::Outcome::Done) return finish(id, std::nullopt);
  if (step_result.outcome == Channel::Outcome::Ended) {
    return finish(id, refused_of(*connection->channel));
  }
  step_when(id, step_result.outcome);
}

void AsioHandshakes::step_when(Id id, Channel::Outcome wanted) {
  watch_time(id);
  const ConnectionPtr connection = under_way_.at(id).connection;
  connection->await(wanted, [this, id, connection, alive = alive_](const asio::error_code& error) {
    if (!*alive || !under_way_.contains(id)) return;
    if (error) {  // it was shut
      under_way_.erase(id);
    } else {
      queue_step(id);
    }
  });
}

void AsioHandshakes::finish(Id id, const std::optional<Refused>& refused) {
  auto guest = under_way_.extract(id);
  guest.mapped().connection->timer.cancel();
  guest.mapped().done(refused);
}

}  // namespace muster::agent
