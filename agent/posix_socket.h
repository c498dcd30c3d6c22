// How do bytes go through a socket that does not block?
//
// A driver, without state. Any thread. A peer that has gone is an error here, never a signal.
#pragma once

#include <cstddef>

namespace muster::agent {

struct Moved {
  std::size_t bytes = 0;  // 0 without an error, of a receive: the peer has said its last
  int error = 0;          // errno; see would_block()
};

[[nodiscard]] Moved receive(int descriptor, void* into, std::size_t size);
[[nodiscard]] Moved transmit(int descriptor, const void* from, std::size_t size);
[[nodiscard]] bool would_block(int error);
// It has said its last, or the connection is broken; what it said before may wait to be received.
[[nodiscard]] bool peer_has_gone(int descriptor);

}  // namespace muster::agent
