// How do frames travel between agents?
//
// A driver (Asio, TCP; TLS 1.3 where the agent has an identity). Length-framed protobuf: 4 bytes
// big-endian, then a Frame. Lives on the control thread's io_context and is called there only. It
// knows no meaning of frames; it bounds their size, the queue of each stream and the number of
// streams, and cuts off who breaks the rules. Under TLS both ends show the certificate of a node of
// this cluster; whether it is the node that was meant is for the caller to say.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/identity.h"
#include "base/ids.h"
#include "base/rpc.h"

namespace asio {
class io_context;
}
namespace muster::identity {
class OpensslTls;
}

namespace muster::agent {

class AsioRpc {
 public:
  using Peer = std::optional<PeerIdentity>;  // nothing: the stream is plain
  struct Dropped {
    std::string reason;   // one of few, a label of metrics: "malformed", "tls_expired"
    std::string meaning;  // for people
    Address from;
  };
  struct Handlers {
    std::function<void(StreamId)> on_reached;  // its host is there: TLS begins; may be empty
    std::function<void(StreamId, const Peer&)> on_opened;    // a stream of connect() stands
    std::function<void(StreamId, const Peer&)> on_accepted;  // somebody else's; its id is even
    // Its host is there and nobody listens; on_closed follows. May be empty.
    std::function<void(StreamId)> on_nobody_listens;
    std::function<void(StreamId, const std::string& why)> on_closed;  // not after close()
    std::function<void(StreamId, rpc::Frame)> on_frame;
    std::function<void(const Dropped&)> on_dropped;  // hostile or wrong input
  };
  struct Traffic {  // since the beginning, on the wire
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
  };

  // Listens at once. Fails when the address cannot be bound, naming it and the way out.
  // `tls` null: streams are plain.
  static Result<std::unique_ptr<AsioRpc>> open(asio::io_context& io, const Address& listen,
                                               std::shared_ptr<const identity::OpensslTls> tls,
                                               Handlers handlers);
  ~AsioRpc();  // NOLINT(bugprone-exception-escape): see the definition

  void connect(StreamId stream, const Address& to);
  // Queued frames leave in order. A stream whose peer does not read them is closed when
  // kQueueBytesMax are waiting.
  void send(StreamId stream, const rpc::Frame& frame);
  // Writes what send() has queued, for each stream as one piece. To be called when a batch of
  // effects is through: until then nothing leaves.
  void flush();
  // What is queued is still sent, for at most a second; on_closed is not called.
  void close(StreamId stream);
  [[nodiscard]] std::size_t streams() const;
  [[nodiscard]] Traffic traffic() const;
  [[nodiscard]] Address address() const;  // where it listens

  // Of frames that have come in part, on all streams: whoever goes beyond is cut off.
  static constexpr std::size_t kWaitingBytesMax = std::size_t{256} << 20;
  static constexpr std::size_t kQueueBytesMax = std::size_t{64} << 20;
  static constexpr std::size_t kStreamsMax = 16384;

 private:
  class Impl;
  explicit AsioRpc(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::agent
