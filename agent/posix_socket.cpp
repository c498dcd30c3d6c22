#include "agent/posix_socket.h"

#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

namespace muster::agent {
namespace {

// Does it again for as long as a signal came in between.
template <class Call>
Moved uninterrupted(Call call) {
  while (true) {
    const ssize_t moved = call();
    if (moved >= 0) return {static_cast<std::size_t>(moved), 0};
    if (errno != EINTR) return {0, errno};
  }
}

}  // namespace

Moved receive(int descriptor, void* into, std::size_t size) {
  return uninterrupted([=] { return ::recv(descriptor, into, size, 0); });
}

Moved transmit(int descriptor, const void* from, std::size_t size) {
  return uninterrupted([=] { return ::send(descriptor, from, size, MSG_NOSIGNAL); });
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

bool peer_has_gone(int descriptor) {
  pollfd asked{descriptor, POLLRDHUP, 0};
  return ::poll(&asked, 1, 0) == 1;  // POLLHUP and POLLERR come unasked
}

}  // namespace muster::agent
