#include "agent/openssl_channel.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "agent/posix_socket.h"

namespace muster::agent {
namespace {

constexpr std::size_t kRecordBytesMax = 16384;
constexpr std::size_t kCallBytesMax = std::size_t{1} << 30;  // OpenSSL counts in int

}  // namespace

struct Channel::Wire {
  int descriptor = -1;
  int error = 0;     // errno of what failed
  bool end = false;  // the peer has said its last
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t records = 0;  // under the present key
  std::string why;
  identity::TlsRefusal refusal = identity::TlsRefusal::Broken;

  Moved take(void* into, std::size_t size) {
    const Moved moved = receive(descriptor, into, size);
    received += moved.bytes;
    end = end || (moved.error == 0 && moved.bytes == 0);
    if (moved.error != 0 && !would_block(moved.error)) error = moved.error;
    return moved;
  }
  Moved put(const void* from, std::size_t size) {
    const Moved moved = transmit(descriptor, from, size);
    sent += moved.bytes;
    if (moved.error != 0 && !would_block(moved.error)) error = moved.error;
    return moved;
  }
};

namespace {

// --- OpenSSL's side of the descriptor: its own would raise SIGPIPE and counts nothing ---
template <class Wire>
struct Bridge {
  static Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }
  static int result(BIO* bio, const Moved& moved, int retry) {
    BIO_clear_retry_flags(bio);
    if (moved.error == 0) return static_cast<int>(moved.bytes);
    if (would_block(moved.error)) BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return -1;
  }
  static int read(BIO* bio, char* into, int size) {
    return result(bio, wire_of(bio).take(into, static_cast<std::size_t>(size)), BIO_FLAGS_READ);
  }
  static int write(BIO* bio, const char* from, int size) {
    return result(bio, wire_of(bio).put(from, static_cast<std::size_t>(size)), BIO_FLAGS_WRITE);
  }
  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return wire_of(bio).end ? 1 : 0;
    return 0;
  }
  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "descriptor");
      CHECK(fresh != nullptr);
      BIO_meth_set_read(fresh, &Bridge::read);
      BIO_meth_set_write(fresh, &Bridge::write);
      BIO_meth_set_ctrl(fresh, &Bridge::control);
      return fresh;
    }();
    return made;
  }
};

}  // namespace

Channel::Channel(int descriptor) : wire_(std::make_unique<Wire>()) {
  wire_->descriptor = descriptor;
}

Channel::Channel(int descriptor, identity::Ssl handshake) : Channel(descriptor) {
  ssl_ = std::move(handshake);
  BIO* const bio = BIO_new(Bridge<Wire>::method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, wire_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  // A head and what follows it in one call; what is read too much is kept for the next one.
  SSL_set_read_ahead(ssl_.get(), 1);
  SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

Channel::Channel(Channel&&) noexcept = default;
Channel& Channel::operator=(Channel&& other) noexcept {
  ssl_ = std::move(other.ssl_);
  wire_ = std::move(other.wire_);
  return *this;
}
Channel::~Channel() = default;

Channel::Step Channel::shake() {
  if (ssl_ == nullptr) return {Outcome::Done, 0};
  // The hello of a client that has given up can be read still, and would be answered for nothing.
  if (!speaks_first() && wire_->received == 0 && peer_has_gone(wire_->descriptor)) {
    wire_->end = true;
    return ended(0);
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Step{Outcome::Done, 0} : ended(result);
}

Channel::Step Channel::read(char* into, std::size_t size) {
  if (ssl_ == nullptr) {
    const Moved moved = wire_->take(into, size);
    if (moved.bytes > 0) return {Outcome::Done, moved.bytes};
    if (would_block(moved.error)) return {Outcome::WantsRead, 0};
    return ended(0);
  }
  ERR_clear_error();
  const int result = SSL_read(ssl_.get(), into, static_cast<int>(std::min(size, kCallBytesMax)));
  return result > 0 ? Step{Outcome::Done, static_cast<std::size_t>(result)} : ended(result);
}

Channel::Step Channel::write(std::string_view bytes) {
  if (ssl_ == nullptr) {
    const Moved moved = wire_->put(bytes.data(), bytes.size());
    if (moved.error == 0) return {Outcome::Done, moved.bytes};
    if (would_block(moved.error)) return {Outcome::WantsWrite, 0};
    return ended(0);
  }
  ERR_clear_error();
  const int result =
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min(bytes.size(), kCallBytesMax)));
  if (result <= 0) return ended(result);
  const auto written = static_cast<std::size_t>(result);
  wire_->records += 1 + (written - 1) / kRecordBytesMax;
  if (wire_->records >= identity::kRecordsPerKey) {
    identity::change_key(ssl_.get());
    wire_->records = 0;
  }
  return {Outcome::Done, written};
}

// Pre: `result` says that a call moved nothing.
Channel::Step Channel::ended(int result) {
  if (ssl_ != nullptr) {
    const int kind = SSL_get_error(ssl_.get(), result);
    if (kind == SSL_ERROR_WANT_READ) return {Outcome::WantsRead, 0};
    if (kind == SSL_ERROR_WANT_WRITE) return {Outcome::WantsWrite, 0};
    if (kind == SSL_ERROR_SSL && !wire_->end) {
      identity::HandshakeFailure failure = identity::why_failed(ssl_.get(), ERR_peek_error());
      wire_->why = std::move(failure.text);
      wire_->refusal = failure.refusal;
      ERR_clear_error();
      return {Outcome::Ended, 0};
    }
    ERR_clear_error();
  }
  wire_->why = wire_->error != 0 ? std::generic_category().message(wire_->error)
                                 : std::string("the peer closed the connection");
  return {Outcome::Ended, 0};
}

bool Channel::holds_more() const { return ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1; }

void Channel::say_goodbye() {
  if (ssl_ == nullptr || wire_->error != 0 || SSL_is_init_finished(ssl_.get()) != 1) return;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());  // when the kernel has no room for it, it is not said
  ERR_clear_error();
}

bool Channel::speaks_first() const { return ssl_ != nullptr && SSL_is_server(ssl_.get()) == 0; }
const ssl_st* Channel::tls() const { return ssl_.get(); }
const std::string& Channel::why() const { return wire_->why; }
identity::TlsRefusal Channel::refusal() const { return wire_->refusal; }
std::uint64_t Channel::bytes_received() const { return wire_->received; }
std::uint64_t Channel::bytes_sent() const { return wire_->sent; }

}  // namespace muster::agent
