// Where does the kernel know already that nobody listens?
//
// Driver (POSIX, Linux): the error queue of a UDP socket (ip(7), IP_RECVERR). Without it a socket
// that is not connected never hears of the ICMP errors that its datagrams have caused. Any thread;
// never blocks.
#pragma once

#include <vector>

#include "base/ids.h"

namespace muster::health {

// From now on errors are queued, and the next send or receive on the socket fails with one of them
// in place of doing its work. `fd`: an open UDP socket, IPv4 or IPv6. False: the kernel refused.
[[nodiscard]] bool queue_icmp_errors(int fd);

// Empties the queue: the addresses to which datagrams were sent that came back as unreachable port
// or host, each once, oldest first; at most 64 (what is beyond stays in the queue).
[[nodiscard]] std::vector<Address> take_icmp_errors(int fd);

}  // namespace muster::health
