#include "agent/asio_rpc.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "agent/asio_connection.h"
#include "agent/frame_head.h"
#include "base/protobuf_codec.h"
#include "identity/openssl_tls.h"

namespace muster::agent {
namespace {

using asio::ip::tcp;
using Outcome = Channel::Outcome;

// A first frame is a Hello: small. Whoever has not said it gets no more memory than this.
constexpr std::size_t kFirstFrameMax = 4096;
constexpr std::size_t kGatheredMax = std::size_t{64} << 10;  // of small frames, in one write
constexpr std::size_t kReadMax = std::size_t{64} << 10;
constexpr std::size_t kKeptMax = std::size_t{64} << 10;  // of memory, once a large frame is through
constexpr int kReadsInARow = 16;                         // before others have their turn
constexpr auto kFlushPatience = std::chrono::seconds(1);

// How a TLS handshake begins: a record of that kind, of version 3.x.
bool looks_like_tls(std::size_t length) { return length >> 16 == 0x1603; }

// A large frame is through: the memory for it is not kept for the little that is left.
void drop_memory(std::string& text) {
  if (text.capacity() > kKeptMax && text.size() < text.capacity() / 4) text.shrink_to_fit();
}

struct Stream : Connection {
  using Connection::Connection;
  Address at;             // of the peer
  bool open = false;      // it stands: frames may go
  bool closing = false;   // by us: nobody is told
  bool greeted = false;   // its first frame has come
  bool overfull = false;  // its peer does not read: nothing more is sent
  bool dirty = false;     // something waits for flush()
  bool stuck = false;     // the kernel takes no more: it is waited for
  std::deque<std::string> queue;
  std::string out;          // what is being written
  std::size_t gone = 0;     // of `out`
  std::size_t queued = 0;   // bytes in the queue and in `out`
  std::string inbox;        // what has come and is no whole frame yet
  std::size_t waiting = 0;  // the memory that the inbox takes
  AsioRpc::Traffic counted;
};
using StreamPtr = std::shared_ptr<Stream>;

}  // namespace

class AsioRpc::Impl {
 public:
  Impl(asio::io_context& io, std::shared_ptr<const identity::OpensslTls> tls, Handlers handlers)
      : io_(io),
        acceptor_(io),
        accept_retry_(io),
        tls_(std::move(tls)),
        handlers_(std::move(handlers)),
        scratch_(kReadMax) {
    if (tls_ != nullptr) handshakes_ = std::make_unique<AsioHandshakes>(io);
  }

  Status listen(const Address& address) {
    asio::error_code error;
    const auto ip = asio::ip::make_address(address.host, error);
    if (error) {
      return fail(Code::InvalidArgument, "cannot listen for RPC on " + address.text() +
                                             ": not a numeric address; set listen.address");
    }
    const tcp::endpoint endpoint(ip, address.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return fail(Code::Unavailable, "cannot listen for RPC on " + address.text() + ": " +
                                         error.message() +
                                         "; free the port or set listen.rpc_port");
    }
    accept();
    return {};
  }

  void connect(StreamId id, const Address& to) {
    auto stream = std::make_shared<Stream>(io_);
    stream->at = to;
    streams_[id] = stream;
    asio::error_code error;
    const auto ip = asio::ip::make_address(to.host, error);
    if (!error) return connect_to(id, stream, tcp::endpoint(ip, to.port));
    auto resolver = std::make_shared<tcp::resolver>(io_);
    resolver->async_resolve(to.host, std::to_string(to.port),
                            [this, id, stream, resolver](const asio::error_code& failed,
                                                         const tcp::resolver::results_type& all) {
                              if (!is_current(id, stream)) return;
                              if (failed || all.empty()) {
                                return end(id, "cannot resolve: " + failed.message());
                              }
                              connect_to(id, stream, all.begin()->endpoint());
                            });
  }

  void send(StreamId id, const rpc::Frame& frame) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    const StreamPtr stream = found->second;
    if (stream->overfull) return;
    std::string bytes = with_length(encode(frame));
    if (stream->queued + bytes.size() > kQueueBytesMax) {
      stream->overfull = true;
      drop(stream, "queue_full", "it does not read what is sent to it");
      return end_later(id, stream, "the peer does not read");
    }
    stream->queued += bytes.size();
    stream->queue.push_back(std::move(bytes));
    if (stream->open && !std::exchange(stream->dirty, true)) dirty_.emplace_back(id, stream);
  }

  void flush() {
    for (const auto& [id, stream] : std::exchange(dirty_, {})) {
      stream->dirty = false;
      write_out(id, stream);
    }
  }

  void close(StreamId id) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    const StreamPtr stream = found->second;
    streams_.erase(found);
    account(*stream, 0);  // the rest goes with the stream, which may be in the middle of it
    stream->closing = true;
    if (!stream->open) return stream->shut();
    write_out(id, stream);
    if (stream->is_shut) return;
    stream->timer.expires_after(kFlushPatience);
    stream->timer.async_wait([stream](const asio::error_code&) { stream->shut(); });
  }

  void shut_down() {
    asio::error_code ignored;
    acceptor_.close(ignored);
    accept_retry_.cancel();
    handshakes_.reset();
    for (auto& [id, stream] : std::exchange(streams_, {})) {
      stream->closing = true;
      stream->shut();
    }
  }

  [[nodiscard]] std::size_t streams() const { return streams_.size(); }
  [[nodiscard]] Traffic traffic() const { return traffic_; }
  [[nodiscard]] Address address() const {
    const tcp::endpoint at = acceptor_.local_endpoint();
    return {at.address().to_string(), at.port()};
  }

 private:
  [[nodiscard]] bool is_current(StreamId id, const StreamPtr& stream) const {
    const auto found = streams_.find(id);
    return found != streams_.end() && found->second == stream;
  }

  void drop(const StreamPtr& stream, std::string reason, std::string meaning) {
    handlers_.on_dropped({std::move(reason), std::move(meaning), stream->at});
  }

  // --- becoming a stream ---
  void connect_to(StreamId id, const StreamPtr& stream, const tcp::endpoint& to) {
    stream->socket.async_connect(to, [this, id, stream](const asio::error_code& error) {
      if (!is_current(id, stream)) return;
      if (error == asio::error::connection_refused && handlers_.on_nobody_listens) {
        handlers_.on_nobody_listens(id);
      }
      if (error) return end(id, error.message());
      prepare(*stream, identity::TlsEnd::NodeClient);
      if (tls_ == nullptr) return opened(id, stream, std::nullopt);
      if (handlers_.on_reached) handlers_.on_reached(id);
      if (!is_current(id, stream)) return;
      handshakes_->begin(stream, [this, id, stream](const auto& refused) {
        if (!is_current(id, stream)) return;
        if (refused) {
          drop(stream, refused->reason, refused->why);
          return end(id, refused->why);
        }
        const Result<PeerIdentity> peer = identity::peer_of(stream->channel->tls());
        if (peer) return opened(id, stream, *peer);
        drop(stream, "tls_wrong_kind", peer.error().text);
        end(id, peer.error().text);
      });
    });
  }

  void opened(StreamId id, const StreamPtr& stream, const Peer& peer) {
    started(id, stream);
    handlers_.on_opened(id, peer);
  }

  void accept() {
    acceptor_.async_accept([this](const asio::error_code& error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) return accept_later();
      auto stream = std::make_shared<Stream>(std::move(socket));
      stream->at = stream->peer();
      if (streams_.size() >= kStreamsMax) {
        drop(stream, "too_many_streams", "as many streams stand as this agent bears");
      } else {
        prepare(*stream, identity::TlsEnd::NodeServer);
        welcome(stream);
      }
      accept();
    });
  }

  void welcome(const StreamPtr& stream) {
    if (tls_ == nullptr) return accepted(stream, std::nullopt);
    handshakes_->begin(stream, [this, stream](const auto& refused) {
      if (refused) {
        drop(stream, refused->reason, refused->why);
        return stream->shut();
      }
      const Result<PeerIdentity> peer = identity::peer_of(stream->channel->tls());
      if (peer) return accepted(stream, *peer);
      drop(stream, "tls_wrong_kind", peer.error().text);
      stream->shut();
    });
  }

  void accepted(const StreamPtr& stream, const Peer& peer) {
    const StreamId id = next_accepted_ += 2;
    streams_[id] = stream;
    handlers_.on_accepted(id, peer);
    if (is_current(id, stream)) started(id, stream);
  }

  // Out of descriptors, most likely: a loop that tries at once would only burn the processor.
  void accept_later() {
    accept_retry_.expires_after(std::chrono::milliseconds(100));
    accept_retry_.async_wait([this](const asio::error_code& error) {
      if (!error) accept();
    });
  }

  void prepare(Stream& stream, identity::TlsEnd end) {
    set_options(stream.socket);
    const int descriptor = stream.socket.native_handle();
    if (tls_ == nullptr) {
      stream.channel.emplace(descriptor);
    } else {
      stream.channel.emplace(descriptor, tls_->begin(end));
    }
  }

  void started(StreamId id, const StreamPtr& stream) {
    stream->open = true;
    write_out(id, stream);
    // Records may have come along with the end of the handshake.
    if (stream->channel->holds_more()) return read_later(id, stream);
    await_input(id, stream, Outcome::WantsRead);
  }

  // --- reading ---
  void await_input(StreamId id, const StreamPtr& stream, Outcome wanted) {
    stream->await(wanted, [this, id, stream](const asio::error_code& error) {
      if (!is_current(id, stream)) return;
      if (error) return end(id, error.message());
      read(id, stream);
    });
  }

  void read_later(StreamId id, const StreamPtr& stream) {
    asio::post(io_, [this, id, stream] {
      if (is_current(id, stream)) read(id, stream);
    });
  }

  void read(StreamId id, const StreamPtr& stream) {
    Channel& channel = *stream->channel;
    for (int i = 0; i < kReadsInARow; ++i) {
      const Channel::Step step = channel.read(scratch_.data(), scratch_.size());
      count(*stream);
      if (step.outcome == Outcome::Ended) return ended_by_peer(id, stream);
      if (step.outcome != Outcome::Done) return await_input(id, stream, step.outcome);
      take(id, stream, {scratch_.data(), step.bytes});
      if (!is_current(id, stream)) return;
      if (!channel.holds_more() && step.bytes < scratch_.size()) break;
    }
    if (channel.holds_more()) return read_later(id, stream);
    await_input(id, stream, Outcome::WantsRead);
  }

  void ended_by_peer(StreamId id, const StreamPtr& stream) {
    // In TLS 1.3 a client hears only now that its certificate was refused.
    if (stream->channel->tls() != nullptr && !stream->greeted &&
        stream->channel->refusal() == identity::TlsRefusal::RefusedByPeer) {
      drop(stream, "tls_refused_by_peer", stream->channel->why());
    }
    end(id, stream->channel->why());
  }

  void take(StreamId id, const StreamPtr& stream, std::string_view bytes) {
    if (stream->inbox.empty()) {  // whole frames, most of the time: nothing is copied
      const std::size_t used = take_frames(id, stream, bytes);
      stream->inbox.append(bytes.substr(used));
    } else {
      stream->inbox.append(bytes);
      const std::size_t used = take_frames(id, stream, stream->inbox);
      stream->inbox.erase(0, used);
      drop_memory(stream->inbox);
    }
    if (!is_current(id, stream)) return;
    account(*stream, stream->inbox.empty() ? 0 : stream->inbox.capacity());
    if (waiting_ > kWaitingBytesMax) cut_largest();
  }

  void account(Stream& stream, std::size_t waiting) {
    waiting_ += waiting - std::exchange(stream.waiting, waiting);
  }

  // Who stops in the middle of large frames gives way, not whoever comes next.
  void cut_largest() {
    const auto largest = std::max_element(
        streams_.begin(), streams_.end(),
        [](const auto& a, const auto& b) { return a.second->waiting < b.second->waiting; });
    drop(largest->second, "crowded", "parts of frames fill all the memory that there is for them");
    end(largest->first, "the memory for frames is full");
  }

  // Hands in every whole frame, and returns how many bytes they were. A handler may close the
  // stream.
  std::size_t take_frames(StreamId id, const StreamPtr& stream, std::string_view bytes) {
    std::size_t used = 0;
    while (bytes.size() - used >= kHeadBytes) {
      const std::string_view rest = bytes.substr(used);
      const std::size_t size = length_at(rest);
      const std::size_t max = stream->greeted ? rpc::kFrameBytesMax : kFirstFrameMax;
      if (size == 0 || size > max) {
        oversized(id, stream, size);
        return bytes.size();
      }
      if (rest.size() < kHeadBytes + size) break;
      Result<rpc::Frame> frame = decode_frame(rest.substr(kHeadBytes, size));
      if (!frame) {
        drop(stream, "malformed", frame.error().text);
        end(id, frame.error().text);
        return bytes.size();
      }
      used += kHeadBytes + size;
      stream->greeted = true;
      handlers_.on_frame(id, std::move(*frame));
      if (!is_current(id, stream)) return bytes.size();
    }
    return used;
  }

  void oversized(StreamId id, const StreamPtr& stream, std::size_t size) {
    if (!stream->greeted && looks_like_tls(size)) {
      const std::string why =
          "it speaks TLS, and this agent has no identity: `muster join` gives it one";
      drop(stream, "tls_unexpected", why);
      return end(id, why);
    }
    const std::string why = "a frame of " + std::to_string(size) + " bytes";
    drop(stream, "oversized", why);
    end(id, why);
  }

  // --- writing ---
  // A frame fits into the kernel's buffer nearly always: then no handler has to run for it, nor
  // does the loop go round again. Errors end the stream later: nobody is called back from here.
  void write_out(StreamId id, const StreamPtr& stream) {
    if (stream->stuck || stream->is_shut) return;
    while (stream->gone < stream->out.size() || gather(*stream)) {
      const Channel::Step step =
          stream->channel->write(std::string_view(stream->out).substr(stream->gone));
      count(*stream);
      if (step.outcome == Outcome::Ended) return end_later(id, stream, stream->channel->why());
      if (step.outcome != Outcome::Done) {
        stream->stuck = true;
        return stream->await(step.outcome, [this, id, stream](const asio::error_code& error) {
          stream->stuck = false;
          if (!error) write_out(id, stream);
        });
      }
      stream->gone += step.bytes;
      stream->queued -= step.bytes;
    }
    if (stream->closing) stream->shut();
  }

  // The next piece to be written; false: there is none. TLS makes a record of each write, and a
  // packet of each record.
  static bool gather(Stream& stream) {
    stream.gone = 0;
    stream.out.clear();
    drop_memory(stream.out);
    while (!stream.queue.empty()) {
      std::string& next = stream.queue.front();
      if (stream.out.empty()) {
        stream.out = std::move(next);
      } else if (stream.out.size() + next.size() <= kGatheredMax) {
        stream.out += next;
      } else {
        break;
      }
      stream.queue.pop_front();
    }
    return !stream.out.empty();
  }

  void count(Stream& stream) {
    const Traffic now{stream.channel->bytes_received(), stream.channel->bytes_sent()};
    traffic_.bytes_received += now.bytes_received - stream.counted.bytes_received;
    traffic_.bytes_sent += now.bytes_sent - stream.counted.bytes_sent;
    stream.counted = now;
  }

  // --- ending ---
  // From the loop: what is decided about it must not overtake what was decided with the frame that
  // could not go.
  void end_later(StreamId id, const StreamPtr& stream, std::string why) {
    if (stream->closing) return stream->shut();
    asio::post(io_, [this, id, stream, why = std::move(why)] {
      if (is_current(id, stream)) end(id, why);
    });
  }

  void end(StreamId id, const std::string& why) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    const StreamPtr stream = found->second;
    streams_.erase(found);
    account(*stream, 0);
    stream->shut();
    handlers_.on_closed(id, why);
  }

  asio::io_context& io_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_retry_;
  std::shared_ptr<const identity::OpensslTls> tls_;  // null: streams are plain
  std::unique_ptr<AsioHandshakes> handshakes_;       // likewise
  Handlers handlers_;
  std::vector<char> scratch_;  // what is read passes through here: idle streams hold no buffer
  std::map<StreamId, StreamPtr> streams_;
  std::vector<std::pair<StreamId, StreamPtr>> dirty_;
  std::size_t waiting_ = 0;  // bytes, in all inboxes
  Traffic traffic_;
  StreamId next_accepted_ = 0;  // even
};

AsioRpc::AsioRpc(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
// What cancel() of a timer may throw means a broken reactor: the end of the process is right then.
// NOLINTNEXTLINE(bugprone-exception-escape)
AsioRpc::~AsioRpc() { impl_->shut_down(); }

Result<std::unique_ptr<AsioRpc>> AsioRpc::open(asio::io_context& io, const Address& listen,
                                               std::shared_ptr<const identity::OpensslTls> tls,
                                               Handlers handlers) {
  auto impl = std::make_unique<Impl>(io, std::move(tls), std::move(handlers));
  if (Status status = impl->listen(listen); !status) return tl::unexpected(status.error());
  return std::unique_ptr<AsioRpc>(new AsioRpc(std::move(impl)));
}

void AsioRpc::connect(StreamId stream, const Address& to) { impl_->connect(stream, to); }
void AsioRpc::send(StreamId stream, const rpc::Frame& frame) { impl_->send(stream, frame); }
void AsioRpc::flush() { impl_->flush(); }
void AsioRpc::close(StreamId stream) { impl_->close(stream); }
std::size_t AsioRpc::streams() const { return impl_->streams(); }
AsioRpc::Traffic AsioRpc::traffic() const { return impl_->traffic(); }
Address AsioRpc::address() const { return impl_->address(); }

}  // namespace muster::agent
