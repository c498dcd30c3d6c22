// How do frames travel between agents?
//
// A driver (Asio, TCP). Length-framed protobuf: 4 bytes big-endian, then a Frame. Lives on the
// control thread's io_context and is called there only. It knows no meaning of frames; it bounds
// their size, the queue of each stream and the number of streams, and cuts off who breaks the
// rules.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "base/rpc.h"

namespace asio {
class io_context;
}

namespace muster::agent {

class AsioRpc {
 public:
  struct Handlers {
    std::function<void(StreamId)> on_opened;    // a stream of open() stands
    std::function<void(StreamId)> on_accepted;  // somebody else opened one; its id is even
    std::function<void(StreamId, const std::string& why)> on_closed;  // not after close()
    std::function<void(StreamId, rpc::Frame)> on_frame;
    std::function<void(const std::string& reason)> on_dropped;  // hostile input, for counting
  };

  // Listens at once. Fails when the address cannot be bound, naming it and the way out.
  static Result<std::unique_ptr<AsioRpc>> open(asio::io_context& io, const Address& listen,
                                               Handlers handlers);
  ~AsioRpc();  // NOLINT(bugprone-exception-escape): see the definition

  void connect(StreamId stream, const Address& to);
  // Queued frames leave in order. A stream whose peer does not read them is closed when
  // kQueueBytesMax are waiting.
  void send(StreamId stream, const rpc::Frame& frame);
  // What is queued is still sent, for at most a second; on_closed is not called.
  void close(StreamId stream);
  [[nodiscard]] std::size_t streams() const;

  static constexpr std::size_t kQueueBytesMax = std::size_t{64} << 20;
  static constexpr std::size_t kStreamsMax = 16384;

 private:
  class Impl;
  explicit AsioRpc(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::agent
