#include "agent/asio_rpc.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include "base/protobuf_codec.h"

namespace muster::agent {
namespace {

using asio::ip::tcp;

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

// A first frame is a Hello: small. Whoever has not said it gets no more memory than this.
constexpr std::size_t kFirstFrameMax = 4096;
constexpr std::size_t kHeadBytes = 4;
constexpr std::size_t kGatheredMax = 64;  // frames in one write
constexpr std::size_t kInboxKept = std::size_t{64} << 10;
constexpr auto kFlushPatience = std::chrono::seconds(1);

std::string with_length(const std::string& body) {
  const auto size = static_cast<std::uint32_t>(body.size());
  std::string framed;
  framed.reserve(body.size() + kHeadBytes);
  for (const int shift : {24, 16, 8, 0}) {
    framed.push_back(static_cast<char>((size >> shift) & 0xffU));
  }
  return framed + body;
}

// Pre: bytes.size() >= kHeadBytes.
std::size_t length_at(std::string_view bytes) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kHeadBytes; ++i) {
    length = (length << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return length;
}

// What is left of the frames when so many bytes have gone.
std::vector<asio::const_buffer> rest_of(const std::vector<std::string>& frames, std::size_t gone) {
  std::vector<asio::const_buffer> rest;
  for (const std::string& bytes : frames) {
    const std::size_t skipped = std::min(gone, bytes.size());
    gone -= skipped;
    if (skipped < bytes.size()) rest.push_back(asio::buffer(bytes) + skipped);
  }
  return rest;
}

}  // namespace

class AsioRpc::Impl {
 public:
  Impl(asio::io_context& io, Handlers handlers)
      : io_(io), acceptor_(io), accept_retry_(io), handlers_(std::move(handlers)) {}

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
    streams_[id] = stream;
    asio::error_code error;
    const auto ip = asio::ip::make_address(to.host, error);
    if (!error) return connect_to(id, stream, tcp::endpoint(ip, to.port));
    stream->resolver.emplace(io_);
    stream->resolver->async_resolve(
        to.host, std::to_string(to.port),
        [this, id, stream](const asio::error_code& failed, const tcp::resolver::results_type& all) {
          if (!is_current(id, stream)) return;
          if (failed || all.empty()) return end(id, "cannot resolve: " + failed.message());
          connect_to(id, stream, all.begin()->endpoint());
        });
  }

  void send(StreamId id, const rpc::Frame& frame) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    const std::shared_ptr<Stream> stream = found->second;
    if (stream->overfull) return;
    std::string bytes = with_length(encode(frame));
    if (stream->queued + bytes.size() > kQueueBytesMax) {
      stream->overfull = true;
      handlers_.on_dropped("queue_full");
      // From the loop: what is decided about it must not overtake what was decided with this frame.
      asio::post(io_, [this, id, stream] {
        if (is_current(id, stream)) end(id, "the peer does not read");
      });
      return;
    }
    stream->queued += bytes.size();
    stream->queue.push_back(std::move(bytes));
    if (stream->open) flush(id, stream);
  }

  void close(StreamId id) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    std::shared_ptr<Stream> stream = found->second;
    streams_.erase(found);
    stream->closing = true;
    if (!stream->open || stream->writing.empty()) return stream->shut();
    stream->timer.expires_after(kFlushPatience);
    stream->timer.async_wait([stream](const asio::error_code&) { stream->shut(); });
  }

  void shut_down() {
    asio::error_code ignored;
    acceptor_.close(ignored);
    accept_retry_.cancel();
    for (auto& [id, stream] : std::exchange(streams_, {})) {
      stream->closing = true;
      stream->shut();
    }
  }

  [[nodiscard]] std::size_t streams() const { return streams_.size(); }

 private:
  struct Stream {
    explicit Stream(asio::io_context& io) : socket(io), timer(io) {}
    void shut() {
      asio::error_code ignored;
      socket.close(ignored);
      timer.cancel();
      if (resolver) resolver->cancel();
    }
    tcp::socket socket;
    asio::steady_timer timer;
    std::optional<tcp::resolver> resolver;
    bool open = false;
    bool closing = false;   // by us: nobody is told
    bool greeted = false;   // its first frame has come
    bool overfull = false;  // its peer does not read: nothing more is sent
    std::deque<std::string> queue;
    std::vector<std::string> writing;
    std::size_t queued = 0;  // bytes in queue and writing
    std::array<char, 4096> chunk{};
    std::string inbox;  // what has come and is no whole frame yet
  };
  using StreamPtr = std::shared_ptr<Stream>;

  [[nodiscard]] bool is_current(StreamId id, const StreamPtr& stream) const {
    const auto found = streams_.find(id);
    return found != streams_.end() && found->second == stream;
  }

  void connect_to(StreamId id, const StreamPtr& stream, const tcp::endpoint& to) {
    stream->socket.async_connect(to, [this, id, stream](const asio::error_code& error) {
      if (!is_current(id, stream)) return;
      if (error) return end(id, error.message());
      started(id, stream);
      handlers_.on_opened(id);
    });
  }

  void accept() {
    acceptor_.async_accept([this](const asio::error_code& error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) return accept_later();
      if (streams_.size() >= kStreamsMax) {
        handlers_.on_dropped("too_many_streams");
        return accept();
      }
      auto stream = std::make_shared<Stream>(io_);
      stream->socket = std::move(socket);
      const StreamId id = next_accepted_ += 2;
      streams_[id] = stream;
      handlers_.on_accepted(id);
      if (is_current(id, stream)) started(id, stream);
      accept();
    });
  }

  // Out of descriptors, most likely: a loop that tries at once would only burn the processor.
  void accept_later() {
    accept_retry_.expires_after(std::chrono::milliseconds(100));
    accept_retry_.async_wait([this](const asio::error_code& error) {
      if (!error) accept();
    });
  }

  void started(StreamId id, const StreamPtr& stream) {
    asio::error_code ignored;
    stream->socket.set_option(tcp::no_delay(true), ignored);
    stream->socket.set_option(TcpUserTimeout(), ignored);
    stream->socket.non_blocking(true, ignored);  // for write_some()
    stream->open = true;
    read(id, stream);
    flush(id, stream);
  }

  void read(StreamId id, const StreamPtr& stream) {
    stream->socket.async_read_some(
        asio::buffer(stream->chunk),
        [this, id, stream](const asio::error_code& error, std::size_t size) {
          if (!is_current(id, stream)) return;
          if (error) return end(id, error.message());
          stream->inbox.append(stream->chunk.data(), size);
          take_frames(id, stream);
          if (is_current(id, stream)) read(id, stream);
        });
  }

  // Hands in every whole frame of the inbox. A handler may close the stream.
  void take_frames(StreamId id, const StreamPtr& stream) {
    std::string_view rest = stream->inbox;
    while (rest.size() >= kHeadBytes) {
      const std::size_t size = length_at(rest);
      const std::size_t max = stream->greeted ? rpc::kFrameBytesMax : kFirstFrameMax;
      if (size == 0 || size > max) {
        handlers_.on_dropped("oversized");
        return end(id, "a frame of " + std::to_string(size) + " bytes");
      }
      if (rest.size() < kHeadBytes + size) break;
      Result<rpc::Frame> frame = decode_frame(rest.substr(kHeadBytes, size));
      if (!frame) {
        handlers_.on_dropped("malformed");
        return end(id, frame.error().text);
      }
      rest.remove_prefix(kHeadBytes + size);
      stream->greeted = true;
      handlers_.on_frame(id, std::move(*frame));
      if (!is_current(id, stream)) return;
    }
    if (rest.empty() && stream->inbox.size() > kInboxKept) {
      std::string().swap(stream->inbox);  // a big frame's memory is given back
    } else {
      stream->inbox.erase(0, stream->inbox.size() - rest.size());
    }
  }

  // A frame fits into the kernel's buffer nearly always: then no handler has to run for it, nor
  // does the loop go round again. Errors are left to async_write(): nobody is called back from
  // here.
  void flush(StreamId id, const StreamPtr& stream) {
    while (stream->writing.empty() && !stream->queue.empty()) {
      while (!stream->queue.empty() && stream->writing.size() < kGatheredMax) {
        stream->writing.push_back(std::move(stream->queue.front()));
        stream->queue.pop_front();
      }
      asio::error_code error;
      const std::size_t at_once = stream->socket.write_some(rest_of(stream->writing, 0), error);
      const std::vector<asio::const_buffer> rest = rest_of(stream->writing, at_once);
      stream->queued -= std::min(stream->queued, at_once);
      if (!rest.empty()) return write_rest(id, stream, rest);
      stream->writing.clear();
    }
    if (stream->writing.empty() && stream->closing) stream->shut();
  }

  void write_rest(StreamId id, const StreamPtr& stream,
                  const std::vector<asio::const_buffer>& rest) {
    asio::async_write(stream->socket, rest,
                      [this, id, stream](const asio::error_code& error, std::size_t written) {
                        stream->writing.clear();
                        stream->queued -= std::min(stream->queued, written);
                        if (error) {
                          if (is_current(id, stream)) end(id, error.message());
                          return;
                        }
                        flush(id, stream);
                      });
  }

  void end(StreamId id, const std::string& why) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    const StreamPtr stream = found->second;
    streams_.erase(found);
    stream->shut();
    handlers_.on_closed(id, why);
  }

  asio::io_context& io_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_retry_;
  Handlers handlers_;
  std::map<StreamId, StreamPtr> streams_;
  StreamId next_accepted_ = 0;  // even
};

AsioRpc::AsioRpc(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
// What cancel() of a timer may throw means a broken reactor: the end of the process is right then.
// NOLINTNEXTLINE(bugprone-exception-escape)
AsioRpc::~AsioRpc() { impl_->shut_down(); }

Result<std::unique_ptr<AsioRpc>> AsioRpc::open(asio::io_context& io, const Address& listen,
                                               Handlers handlers) {
  auto impl = std::make_unique<Impl>(io, std::move(handlers));
  if (Status status = impl->listen(listen); !status) return tl::unexpected(status.error());
  return std::unique_ptr<AsioRpc>(new AsioRpc(std::move(impl)));
}

void AsioRpc::connect(StreamId stream, const Address& to) { impl_->connect(stream, to); }
void AsioRpc::send(StreamId stream, const rpc::Frame& frame) { impl_->send(stream, frame); }
void AsioRpc::close(StreamId stream) { impl_->close(stream); }
std::size_t AsioRpc::streams() const { return impl_->streams(); }

}  // namespace muster::agent
