#include "health/asio_gossip.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include "base/protobuf_codec.h"
#include "health/asio_names.h"
#include "health/gossip_frame.h"
#include "health/openssl_sealer.h"
#include "health/posix_icmp_errors.h"
#include "health/seal_format.h"

namespace muster::health {
namespace {

using asio::ip::tcp;
using asio::ip::udp;
using Failure = asio::error_code;

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
constexpr Duration kPause = std::chrono::milliseconds(50);  // after an error of a socket of ours

// Its layout is that of the first version, whoever sends it.
std::string body_of(const gossip::Sync& sync) {
  return with_head(kGossipMark, gossip::kProtocolMin, encode(sync));
}
std::string body_of(char mark, const gossip::Packet& packet) {
  return with_head(mark, packet.version, encode(packet));
}

Result<gossip::Packet> packet_of(std::string_view body) {
  Result<gossip::Packet> packet = decode_packet(body.substr(kGossipHeadBytes));
  if (packet) packet->version = version_of(body);
  return packet;
}

template <class Endpoint>
Address address_of(const Endpoint& endpoint) {
  return {endpoint.address().to_string(), endpoint.port()};
}

}  // namespace

struct AsioGossip::Impl : std::enable_shared_from_this<AsioGossip::Impl> {
  // One TCP connection, either way. It ends once, whatever comes first: the end of the exchange,
  // an error or its deadline; then nothing refers to it any more and its socket closes.
  struct Exchange {
    explicit Exchange(asio::io_context& context) : socket(context), deadline(context) {}
    tcp::socket socket;
    asio::steady_timer deadline;
    std::uint64_t id = 0;
    bool ours = false;  // we began it
    bool ping = false;  // not a table
    Address peer;
    GossipLength length{};
    std::vector<char> chunk;
    std::string body;  // grows as bytes arrive: a claimed length alone costs no memory
    std::string out;
  };
  using ExchangePtr = std::shared_ptr<Exchange>;

  Impl(asio::io_context& io, Handlers hooks, std::shared_ptr<OpensslSealer> seals)
      : context(io),
        handlers(std::move(hooks)),
        sealer(std::move(seals)),
        datagrams(io),
        acceptor(io),
        resolver(io),
        names(std::make_shared<AsioNames>(io)),
        datagram_pause(io),
        accept_pause(io) {}

  asio::io_context& context;
  Handlers handlers;
  std::shared_ptr<OpensslSealer> sealer;  // null: plain
  udp::socket datagrams;
  tcp::acceptor acceptor;
  tcp::resolver resolver;
  std::shared_ptr<AsioNames> names;
  asio::steady_timer datagram_pause;
  asio::steady_timer accept_pause;
  std::array<char, kGossipDatagramMax + 1> buffer{};  // one more shows that there was more
  udp::endpoint source;
  std::map<std::uint64_t, ExchangePtr> accepted;  // by exchange
  std::map<std::uint64_t, ExchangePtr> started;   // tables, by the core's id
  std::map<std::uint64_t, ExchangePtr> pings;     // stream pings, by the core's sequence
  std::uint64_t last_exchange = 0;
  bool closed = false;

  Status bind(const Address& listen);
  Failure bind_both(const asio::ip::address& address, std::uint16_t port, const char*& what);
  void close();

  void receive();
  void on_datagram(const Failure& failure, std::size_t bytes);
  void take_datagram(std::string_view bytes, const Address& from);
  void transmit(const asio::ip::address& address, std::uint16_t port, const std::string& bytes);

  void accept();
  void on_accept(tcp::socket socket);
  void start(const ExchangePtr& exchange, Duration within);
  void connect(const ExchangePtr& exchange, const tcp::endpoint& endpoint);
  void arm(const ExchangePtr& exchange, Duration within);
  void take_unreachable();
  std::map<std::uint64_t, ExchangePtr>& home_of(const Exchange& exchange);
  void read_frame(const ExchangePtr& exchange);
  void read_rest(const ExchangePtr& exchange, std::size_t left);
  void on_frame(const ExchangePtr& exchange);
  void write_out(const ExchangePtr& exchange);
  void drop(const ExchangePtr& exchange, GossipDrop reason);
  void end(const ExchangePtr& exchange);
  void forget(const ExchangePtr& exchange);
  bool is_open(const ExchangePtr& exchange);
};

Failure AsioGossip::Impl::bind_both(const asio::ip::address& address, std::uint16_t port,
                                    const char*& what) {
  Failure failure;
  const udp::endpoint at(address, port);
  what = "UDP";
  datagrams.open(at.protocol(), failure);
  if (!failure) datagrams.bind(at, failure);
  if (!failure) datagrams.non_blocking(true, failure);
  // A kernel that cannot tell of them leaves us with time-outs.
  if (!failure) static_cast<void>(queue_icmp_errors(datagrams.native_handle()));
  if (failure) return failure;
  what = "TCP";
  const tcp::endpoint same(address, datagrams.local_endpoint().port());
  acceptor.open(same.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) acceptor.bind(same, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  return failure;
}

Status AsioGossip::Impl::bind(const Address& listen) {
  Failure failure;
  asio::ip::address address = asio::ip::make_address(listen.host, failure);
  if (failure) {
    const auto found = resolver.resolve(listen.host, std::to_string(listen.port), failure);
    if (failure || found.empty()) {
      return fail(Code::InvalidArgument, "cannot listen for gossip on " + listen.text() +
                                             ": its host has no address (" + failure.message() +
                                             "); write a numeric address");
    }
    address = found.begin()->endpoint().address();
  }
  const char* what = "";
  // A free UDP port may be taken on TCP: with port 0 there are more to try.
  for (int tries = listen.port == 0 ? 16 : 1; tries > 0; --tries) {
    failure = bind_both(address, listen.port, what);
    if (!failure) return {};
    Failure ignored;
    datagrams.close(ignored);
    acceptor.close(ignored);
  }
  const bool in_use = failure == asio::error::address_in_use;
  return fail(in_use ? Code::Conflict : Code::Internal,
              "cannot listen for gossip on " + listen.text() + " (" + what +
                  "): " + failure.message() +
                  (in_use ? "; stop the process that uses the port, or set another gossip port"
                          : "; set an address of this machine"));
}

void AsioGossip::Impl::close() {
  if (closed) return;
  closed = true;
  Failure ignored;
  datagrams.close(ignored);
  acceptor.close(ignored);
  resolver.cancel();
  names->cancel();
  datagram_pause.cancel();
  accept_pause.cancel();
  for (auto* exchanges : {&accepted, &started, &pings}) {
    for (auto& [id, exchange] : std::exchange(*exchanges, {})) {
      exchange->deadline.cancel();
      exchange->socket.close(ignored);
    }
  }
}

// Datagrams.

void AsioGossip::Impl::receive() {
  datagrams.async_receive_from(
      asio::buffer(buffer), source,
      [self = shared_from_this()](const Failure& failure, std::size_t bytes) {
        self->on_datagram(failure, bytes);
      });
}

void AsioGossip::Impl::on_datagram(const Failure& failure, std::size_t bytes) {
  if (closed) return;
  if (failure == asio::error::no_memory || failure == asio::error::no_buffer_space) {
    datagram_pause.expires_after(kPause);
    datagram_pause.async_wait([self = shared_from_this()](const Failure&) {
      if (!self->closed) self->receive();
    });
    return;
  }
  if (failure) {  // an ICMP error, of any kind, about an earlier datagram
    take_unreachable();
  } else {
    take_datagram(std::string_view(buffer.data(), bytes), address_of(source));
  }
  if (!closed) receive();
}

void AsioGossip::Impl::take_datagram(std::string_view bytes, const Address& from) {
  if (bytes.size() > kGossipDatagramMax) return handlers.on_dropped(GossipDrop::Oversized, from);
  const auto body = open_with(sealer.get(), SealKind::Datagram, std::string(bytes));
  if (!body) return handlers.on_dropped(body.error(), from);
  if (const auto refused = head_refused(*body, kGossipMark)) {
    return handlers.on_dropped(*refused, from);
  }
  const auto packet = packet_of(*body);
  if (!packet) return handlers.on_dropped(GossipDrop::Malformed, from);
  handlers.on_packet(from, *packet);
}

void AsioGossip::Impl::transmit(const asio::ip::address& address, std::uint16_t port,
                                const std::string& bytes) {
  Failure failure;  // a lost datagram: the protocol expects those
  const udp::endpoint to(address, port);
  datagrams.send_to(asio::buffer(bytes), to, 0, failure);
  if (!failure || failure == asio::error::would_block) return;
  // It may have failed in place of an earlier one, whose ICMP error has come in meanwhile.
  datagrams.send_to(asio::buffer(bytes), to, 0, failure);
  asio::post(context, [self = shared_from_this()] { self->take_unreachable(); });
}

void AsioGossip::Impl::take_unreachable() {
  if (closed) return;
  for (const Address& address : take_icmp_errors(datagrams.native_handle())) {
    handlers.on_unreachable(address);
    if (closed) return;
  }
}

// Exchanges.

void AsioGossip::Impl::accept() {
  acceptor.async_accept([self = shared_from_this()](const Failure& failure, tcp::socket socket) {
    if (self->closed) return;
    if (!failure) {
      self->on_accept(std::move(socket));
      if (!self->closed) self->accept();
      return;
    }
    // Out of descriptors, or the peer was gone already: trying at once could spin.
    self->accept_pause.expires_after(kPause);
    self->accept_pause.async_wait([self](const Failure&) {
      if (!self->closed) self->accept();
    });
  });
}

void AsioGossip::Impl::on_accept(tcp::socket socket) {
  Failure failure;
  const tcp::endpoint peer = socket.remote_endpoint(failure);
  if (failure) return;
  if (accepted.size() >= kGossipExchangesMax) {
    handlers.on_dropped(GossipDrop::TooMany, address_of(peer));
    return;
  }
  const auto exchange = std::make_shared<Exchange>(context);
  exchange->socket = std::move(socket);
  exchange->id = ++last_exchange;
  exchange->peer = address_of(peer);
  accepted.emplace(exchange->id, exchange);
  arm(exchange, kGossipExchangeTime);
  read_frame(exchange);
}

void AsioGossip::Impl::start(const ExchangePtr& exchange, Duration within) {
  const Address& to = exchange->peer;
  exchange->ours = true;
  auto& home = home_of(*exchange);
  if (const auto before = home.find(exchange->id); before != home.end()) forget(before->second);
  home[exchange->id] = exchange;
  arm(exchange, within);
  Failure not_numeric;
  const asio::ip::address numeric = asio::ip::make_address(to.host, not_numeric);
  if (!not_numeric) return connect(exchange, tcp::endpoint(numeric, to.port));
  resolver.async_resolve(
      to.host, std::to_string(to.port),
      [self = shared_from_this(), exchange](const Failure& failure, const auto& found) {
        if (!self->is_open(exchange)) return;
        if (failure || found.empty()) return self->end(exchange);
        self->connect(exchange, found.begin()->endpoint());
      });
}

void AsioGossip::Impl::connect(const ExchangePtr& exchange, const tcp::endpoint& endpoint) {
  exchange->socket.async_connect(endpoint,
                                 [self = shared_from_this(), exchange](const Failure& failure) {
                                   if (!self->is_open(exchange)) return;
                                   if (failure) return self->end(exchange);
                                   self->write_out(exchange);
                                 });
}

void AsioGossip::Impl::arm(const ExchangePtr& exchange, Duration within) {
  exchange->deadline.expires_after(within);
  exchange->deadline.async_wait([self = shared_from_this(), exchange](const Failure& cancelled) {
    if (cancelled || !self->is_open(exchange)) return;
    if (exchange->ping) return self->forget(exchange);  // the core knows the time itself
    if (exchange->ours) return self->end(exchange);
    self->drop(exchange, GossipDrop::TooSlow);
  });
}

void AsioGossip::Impl::read_frame(const ExchangePtr& exchange) {
  asio::async_read(exchange->socket, asio::buffer(exchange->length),
                   [self = shared_from_this(), exchange](const Failure& failure, std::size_t) {
                     if (!self->is_open(exchange)) return;
                     if (failure) return self->end(exchange);
                     const std::size_t length = length_of(exchange->length);
                     if (length > kGossipFrameMax) {
                       return self->drop(exchange, GossipDrop::Oversized);
                     }
                     exchange->chunk.resize(std::min(length, kChunkBytes));
                     self->read_rest(exchange, length);
                   });
}

void AsioGossip::Impl::read_rest(const ExchangePtr& exchange, std::size_t left) {
  if (left == 0) return on_frame(exchange);
  asio::async_read(
      exchange->socket, asio::buffer(exchange->chunk, std::min(left, exchange->chunk.size())),
      [self = shared_from_this(), exchange, left](const Failure& failure, std::size_t bytes) {
        if (!self->is_open(exchange)) return;
        if (failure) return self->end(exchange);
        exchange->body.append(exchange->chunk.data(), bytes);
        self->read_rest(exchange, left - bytes);
      });
}

void AsioGossip::Impl::on_frame(const ExchangePtr& exchange) {
  exchange->chunk = {};
  const auto body = open_with(sealer.get(), SealKind::Stream, std::exchange(exchange->body, {}));
  if (!body) return drop(exchange, body.error());
  if (!exchange->ours) exchange->ping = !body->empty() && body->front() == kStreamPingMark;
  const char mark = exchange->ping ? kStreamPingMark : kGossipMark;
  if (const auto refused = head_refused(*body, mark)) return drop(exchange, *refused);
  if (exchange->ping) {
    const auto packet = packet_of(*body);
    if (!packet) return drop(exchange, GossipDrop::Malformed);
    if (!exchange->ours) {
      handlers.on_stream_ping(exchange->id, *packet);
      // A ping that is not answered at once never is: it must not hold its place.
      if (is_open(exchange) && exchange->out.empty()) forget(exchange);
      return;
    }
    forget(exchange);
    return handlers.on_stream_ping_ended(static_cast<std::uint32_t>(exchange->id), &*packet);
  }
  const auto sync = decode_sync(std::string_view(*body).substr(kGossipHeadBytes));
  if (!sync) return drop(exchange, GossipDrop::Malformed);
  if (!exchange->ours) return handlers.on_sync_request(exchange->id, *sync);
  forget(exchange);
  handlers.on_sync_reply(exchange->id, *sync);
}

void AsioGossip::Impl::write_out(const ExchangePtr& exchange) {
  Failure ignored;
  exchange->socket.set_option(tcp::no_delay(true), ignored);
  asio::async_write(exchange->socket, asio::buffer(exchange->out),
                    [self = shared_from_this(), exchange](const Failure& failure, std::size_t) {
                      if (!self->is_open(exchange)) return;
                      if (failure || !exchange->ours) return self->end(exchange);
                      exchange->out = {};
                      self->read_frame(exchange);
                    });
}

void AsioGossip::Impl::drop(const ExchangePtr& exchange, GossipDrop reason) {
  const Address peer = exchange->peer;
  end(exchange);
  if (!closed) handlers.on_dropped(reason, peer);
}

void AsioGossip::Impl::forget(const ExchangePtr& exchange) {
  exchange->deadline.cancel();
  Failure ignored;
  exchange->socket.close(ignored);
  home_of(*exchange).erase(exchange->id);
}

// One that we began has then failed.
void AsioGossip::Impl::end(const ExchangePtr& exchange) {
  forget(exchange);
  if (!exchange->ours) return;
  if (exchange->ping) {
    handlers.on_stream_ping_ended(static_cast<std::uint32_t>(exchange->id), nullptr);
  } else {
    handlers.on_sync_failed(exchange->id);
  }
}

std::map<std::uint64_t, AsioGossip::Impl::ExchangePtr>& AsioGossip::Impl::home_of(
    const Exchange& exchange) {
  if (!exchange.ours) return accepted;
  return exchange.ping ? pings : started;
}

bool AsioGossip::Impl::is_open(const ExchangePtr& exchange) {
  const auto& exchanges = home_of(*exchange);
  const auto found = exchanges.find(exchange->id);
  return !closed && found != exchanges.end() && found->second == exchange;
}

// The public face.

Result<std::unique_ptr<AsioGossip>> AsioGossip::open(asio::io_context& context,
                                                     const Address& listen, Handlers handlers,
                                                     std::shared_ptr<OpensslSealer> sealer) {
  auto impl = std::make_shared<Impl>(context, std::move(handlers), std::move(sealer));
  if (const Status bound = impl->bind(listen); !bound) return tl::unexpected(bound.error());
  impl->receive();
  impl->accept();
  return std::unique_ptr<AsioGossip>(new AsioGossip(std::move(impl)));
}

AsioGossip::AsioGossip(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

AsioGossip::~AsioGossip() { close(); }

Address AsioGossip::local() const {
  Failure failure;
  const udp::endpoint endpoint = impl_->datagrams.local_endpoint(failure);
  return failure ? Address{} : address_of(endpoint);
}

void AsioGossip::send(const Address& to, const gossip::Packet& packet) {
  if (impl_->closed) return;
  const std::optional<asio::ip::address> address = impl_->names->look_up(to.host);
  if (address) {
    impl_->transmit(
        *address, to.port,
        seal_with(impl_->sealer.get(), SealKind::Datagram, body_of(kGossipMark, packet)));
  }
}

void AsioGossip::start_sync(std::uint64_t id, const Address& to, const gossip::Sync& sync) {
  if (impl_->closed) return;
  const auto exchange = std::make_shared<Impl::Exchange>(impl_->context);
  exchange->id = id;
  exchange->peer = to;
  exchange->out = framed(seal_with(impl_->sealer.get(), SealKind::Stream, body_of(sync)));
  impl_->start(exchange, kGossipExchangeTime);
}

void AsioGossip::start_stream_ping(std::uint32_t sequence, const Address& to,
                                   const gossip::Packet& packet, Duration within) {
  if (impl_->closed) return;
  const auto exchange = std::make_shared<Impl::Exchange>(impl_->context);
  exchange->id = sequence;
  exchange->ping = true;
  exchange->peer = to;
  exchange->out =
      framed(seal_with(impl_->sealer.get(), SealKind::Stream, body_of(kStreamPingMark, packet)));
  impl_->start(exchange, within);
}

void AsioGossip::answer_sync(std::uint64_t exchange, const gossip::Sync& sync) {
  const auto found = impl_->accepted.find(exchange);
  if (found == impl_->accepted.end() || !found->second->out.empty()) return;
  found->second->out = framed(seal_with(impl_->sealer.get(), SealKind::Stream, body_of(sync)));
  impl_->write_out(found->second);
}

void AsioGossip::answer_stream_ping(std::uint64_t exchange, const gossip::Packet& packet) {
  const auto found = impl_->accepted.find(exchange);
  if (found == impl_->accepted.end() || !found->second->out.empty()) return;
  found->second->out =
      framed(seal_with(impl_->sealer.get(), SealKind::Stream, body_of(kStreamPingMark, packet)));
  impl_->write_out(found->second);
}

void AsioGossip::close() { impl_->close(); }

}  // namespace muster::health
