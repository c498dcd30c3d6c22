// What is a connection made of, and how does it get to know its other end?
//
// A driver (Asio), on one io_context's thread. The signatures of a TLS handshake take a millisecond
// of processor on each side: after a failover a thousand agents come back at once, which would hold
// up votes and heartbeats for a second. So the steps of handshakes run on a thread of their own,
// one after the other (agent/step_queue.h), and only what they waited for is dealt with here. For a
// client that has given up since its hello nothing is computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "agent/openssl_channel.h"
#include "agent/step_queue.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

// What a Channel needs of a socket; small writes leave at once, and a peer that lost its power is
// noticed after seconds.
void set_options(asio::ip::tcp::socket& socket);

struct Connection {
  explicit Connection(asio::ip::tcp::socket accepted);
  explicit Connection(asio::io_context& io);

  // Ends it. While another thread is in the middle of a step the descriptor stays, so that nobody
  // else gets its number.
  void shut();
  // Appends what has come to `in`, through `scratch`: Done. Nothing has: what to await(), or Ended.
  Channel::Outcome read_into(std::string& in, std::vector<char>& scratch);
  // Says that nothing more comes from here; what still comes from there can be read.
  void end_sending();
  // Calls `then` from the loop, when the socket is ready for what the channel wants.
  void await(Channel::Outcome wanted, std::function<void(const asio::error_code&)> then);
  [[nodiscard]] Address peer() const;

  asio::ip::tcp::socket socket;
  asio::steady_timer timer;
  std::optional<Channel> channel;  // once connected
  bool stepping = false;           // on the thread of handshakes
  bool is_shut = false;
};
using ConnectionPtr = std::shared_ptr<Connection>;

class AsioHandshakes {
 public:
  // With the peer, for each of its two flights; not with our own processor.
  static constexpr Duration kPatience = std::chrono::seconds(5);
  static constexpr std::size_t kUnderWayMax = 4096;

  struct Refused {
    std::string reason;  // a label of metrics: "tls_expired"
    std::string why;     // for people
  };
  // Nothing refused: the other end is known. Not called when the connection was shut meanwhile.
  using Done = std::function<void(const std::optional<Refused>&)>;

  explicit AsioHandshakes(asio::io_context& io);
  ~AsioHandshakes();  // NOLINT(bugprone-exception-escape): see the definition
  AsioHandshakes(const AsioHandshakes&) = delete;
  AsioHandshakes& operator=(const AsioHandshakes&) = delete;

  // `done` comes from the loop, once; the connection's timer is in use until then. Pre: the channel
  // is TLS. Beyond kUnderWayMax the one that has said nothing for longest
  // gives way, so that silent strangers keep nobody out.
  void begin(const ConnectionPtr& connection, Done done);
  [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }

 private:
  // At most so many steps are with the worker: enough for it to find the next one.
  static constexpr std::size_t kStepsAtWork = 4;
  struct Guest {
    ConnectionPtr connection;
    Done done;
    bool queued = false;  // for its next step: it waits for us
  };
  using Id = std::uint64_t;  // in the order of arrival

  void queue_step(Id id);
  void put_to_work();
  void work(Id id, Guest& guest);
  void step_when(Id id, Channel::Outcome wanted);
  void stepped(Id id, Channel::Step step);
  void watch_time(Id id);
  void finish(Id id, const std::optional<Refused>& refused);
  void make_room();

  asio::io_context& io_;
  std::map<Id, Guest> under_way_;
  StepQueue queue_;  // of ids; some may have ended meanwhile
  std::size_t at_work_ = 0;
  Id last_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of this object, for late calls
  asio::thread_pool worker_{1};
};

}  // namespace muster::agent
