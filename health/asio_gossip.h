// How do members' packets and tables travel? As UDP datagrams, and over TCP on the same port.
//
// Driver (Asio). Everything runs on the thread of the given io_context; nothing blocks. It decides
// nothing: it carries out the effects of health/swim.h and hands in what arrives. Handlers are
// never called from within one of these functions.
//
// On the wire: two bytes, a mark and the protocol version, then the protobuf message of
// base/protobuf_codec.h. That is a datagram, marked 'M'; a stream carries one message each way,
// behind its length in 4 bytes, big-endian: a table ('M') or a ping and its ack ('P'). With a
// keyring all of that but the length is sealed (health/openssl_sealer.h). What comes from outside
// is hostile: it is bounded before it is read, checked before it is believed, and otherwise dropped
// and reported by reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/gossip.h"
#include "base/ids.h"
#include "base/time.h"
#include "health/gossip_drop.h"

namespace asio {
class io_context;
}

namespace muster::health {

inline constexpr std::size_t kGossipFrameMax = std::size_t{8} << 20;     // a table, in bytes
inline constexpr std::size_t kGossipDatagramMax = std::size_t{8} << 10;  // accepted, in bytes
inline constexpr std::size_t kGossipExchangesMax = 64;                   // accepted, at a time
inline constexpr Duration kGossipExchangeTime = std::chrono::seconds(5);

class OpensslSealer;

class AsioGossip {
 public:
  struct Handlers {  // all set
    std::function<void(const Address& from, const gossip::Packet&)> on_packet;
    std::function<void(std::uint64_t exchange, const gossip::Sync&)> on_sync_request;
    std::function<void(std::uint64_t id, const gossip::Sync&)> on_sync_reply;
    std::function<void(std::uint64_t id)> on_sync_failed;
    std::function<void(std::uint64_t exchange, const gossip::Packet&)> on_stream_ping;
    // Null: refused, or it ended without an answer before its time.
    std::function<void(std::uint32_t sequence, const gossip::Packet*)> on_stream_ping_ended;
    // A datagram of ours came back: nobody listens there, or no way leads there.
    std::function<void(const Address& to)> on_unreachable;
    std::function<void(GossipDrop, const Address& from)> on_dropped;
  };

  // Binds UDP and TCP on `listen`, whose host is numeric or a name that resolves at once (this
  // call may wait for the resolver); port 0 takes a free one. Fails when the port is in use.
  // Without a sealer, or with one without keys, gossip is plain. Pre: `context` outlives this
  // object; the sealer is used on its thread only.
  [[nodiscard]] static Result<std::unique_ptr<AsioGossip>> open(
      asio::io_context& context, const Address& listen, Handlers handlers,
      std::shared_ptr<OpensslSealer> sealer = nullptr);
  ~AsioGossip();
  AsioGossip(const AsioGossip&) = delete;
  AsioGossip& operator=(const AsioGossip&) = delete;

  [[nodiscard]] Address local() const;  // with the real port

  // One datagram, best effort: dropped when the kernel has no room for it, and while the name of a
  // host that is not numeric is being resolved.
  void send(const Address& to, const gossip::Packet& packet);
  // Ends in exactly one on_sync_reply or on_sync_failed within kGossipExchangeTime, unless closed.
  void start_sync(std::uint64_t id, const Address& to, const gossip::Sync& sync);
  // Ignored when the exchange has ended meanwhile.
  void answer_sync(std::uint64_t exchange, const gossip::Sync& sync);

  // Ends in at most one on_stream_ping_ended; in silence once `within` has passed.
  void start_stream_ping(std::uint32_t sequence, const Address& to, const gossip::Packet& packet,
                         Duration within);
  // Only from within on_stream_ping, whose exchange ends without an answer otherwise.
  void answer_stream_ping(std::uint64_t exchange, const gossip::Packet& packet);

  // No handler is called afterwards. Repeats do nothing.
  void close();

 private:
  struct Impl;
  explicit AsioGossip(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with the operations under way
};

}  // namespace muster::health
