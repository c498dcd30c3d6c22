#include "health/posix_icmp_errors.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

namespace muster::health {
namespace {

constexpr int kErrorsMax = 64;

Address address_of(const sockaddr_storage& name) {
  char text[INET6_ADDRSTRLEN] = "";
  if (name.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &name, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &name, sizeof v6);
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return {text, ntohs(v6.sin6_port)};
}

// Does this error say that nobody is there? (Others are about a datagram's size or path.)
bool says_unreachable(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
    const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6) continue;
    sock_extended_err error{};
    std::memcpy(&error, CMSG_DATA(c), sizeof error);
    return error.ee_errno == ECONNREFUSED || error.ee_errno == EHOSTUNREACH ||
           error.ee_errno == ENETUNREACH;
  }
  return false;
}

}  // namespace

bool queue_icmp_errors(int fd) {
  const int on = 1;
  const bool v4 = setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0;
  const bool v6 = setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on) == 0;
  return v4 || v6;
}

std::vector<Address> take_icmp_errors(int fd) {
  std::vector<Address> found;
  for (int i = 0; i < kErrorsMax; ++i) {
    sockaddr_storage name{};  // where the datagram had been sent
    alignas(cmsghdr) std::array<char, 512> control{};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = sizeof name;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    if (!says_unreachable(message)) continue;
    Address address = address_of(name);
    if (std::find(found.begin(), found.end(), address) == found.end()) {
      found.push_back(std::move(address));
    }
  }
  return found;
}

}  // namespace muster::health
