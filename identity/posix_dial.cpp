#include "identity/posix_dial.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace muster::identity {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* found) const { freeaddrinfo(found); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses look_up(const std::string& host, const std::string& port, int flags) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &wanted, &found);
  return Addresses(error == 0 ? found : nullptr);
}

// 0, or an errno.
int bind_to(int socket, int family, const std::string& own) {
  if (own.empty()) return 0;
  const Addresses at = look_up(own, "0", AI_NUMERICHOST);
  if (at == nullptr || at->ai_family != family) return EADDRNOTAVAIL;
  return bind(socket, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
}

// 0, or an errno.
int connect_to(int socket, const addrinfo& to, Duration patience) {
  if (connect(socket, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waits{socket, POLLOUT, 0};
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(patience);
  const int ready = poll(&waits, 1, static_cast<int>(milliseconds.count()));
  if (ready == 0) return ETIMEDOUT;
  int error = ready < 0 ? errno : 0;
  socklen_t size = sizeof(error);
  if (ready > 0 && getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

Result<int> dial(const Address& to, const std::string& own, Duration patience) {
  const Addresses all = look_up(to.host, std::to_string(to.port), 0);
  if (all == nullptr) return fail(Code::Unavailable, to.host + " is no host that is known here");
  int error = 0;
  for (const std::string& from : {own, std::string()}) {
    for (const addrinfo* one = all.get(); one != nullptr; one = one->ai_next) {
      const int made =
          socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, one->ai_protocol);
      if (made < 0) continue;
      error = bind_to(made, one->ai_family, from);
      if (error == 0) error = connect_to(made, *one, patience);
      if (error == 0) return made;
      close(made);
    }
    if (own.empty()) break;
  }
  return fail(Code::Unavailable, std::strerror(error));
}

}  // namespace muster::identity
