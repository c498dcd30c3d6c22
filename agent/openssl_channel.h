// How do bytes pass through one connection, plain or under TLS?
//
// A driver (OpenSSL), on a descriptor that does not block and that somebody else owns and waits on.
// One thread at a time. An idle TLS channel holds some 25 KiB, because it has no buffers of its
// own: OpenSSL reads and writes the descriptor, and gives back what it needed for that.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "identity/openssl_tls.h"

namespace muster::agent {

class Channel {
 public:
  enum class Outcome {
    Done,
    WantsRead,   // again when the descriptor is readable
    WantsWrite,  // again when it is writable, and with the same bytes
    Ended,       // by the peer or by an error: why() says it
  };
  struct Step {
    Outcome outcome = Outcome::Done;
    std::size_t bytes = 0;  // moved, when Done
  };

  explicit Channel(int descriptor);                  // plain
  Channel(int descriptor, identity::Ssl handshake);  // TLS, which shake() begins
  Channel(Channel&&) noexcept;
  Channel& operator=(Channel&&) noexcept;
  ~Channel();

  // A part of the handshake; of a plain channel none is missing. Takes about a millisecond of
  // processor for the signatures; of a client that has gone since its hello, nothing.
  Step shake();
  Step read(char* into, std::size_t size);  // pre: size > 0
  Step write(std::string_view bytes);       // a part of them may be all that goes; pre: not empty
  // Something that has come in is in here, so that the descriptor may never be readable again.
  [[nodiscard]] bool holds_more() const;
  void say_goodbye();  // what follows is the end, not a cut wire

  [[nodiscard]] const ssl_st* tls() const;             // null: plain
  [[nodiscard]] bool speaks_first() const;             // in the handshake
  [[nodiscard]] const std::string& why() const;        // after Ended
  [[nodiscard]] identity::TlsRefusal refusal() const;  // likewise, of a handshake
  [[nodiscard]] std::uint64_t bytes_received() const;  // on the wire
  [[nodiscard]] std::uint64_t bytes_sent() const;

 private:
  struct Wire;
  Step ended(int result);
  std::unique_ptr<Wire> wire_;
  identity::Ssl ssl_;  // goes before what it reads and writes
};

}  // namespace muster::agent
