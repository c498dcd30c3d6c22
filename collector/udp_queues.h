// How much do this machine's UDP sockets have queued?
//
// Core, no state: /proc/net/udp and /proc/net/udp6 in, node_udp_queues out.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

struct UdpQueues {  // bytes, over all sockets
  std::uint64_t send = 0;
  std::uint64_t receive = 0;
};

// Either text, from `path`. DataLoss when a line is not that of a socket.
[[nodiscard]] Result<UdpQueues> parse_udp(std::string_view path, std::string_view udp_text);

// NotFound when the kernel has neither IPv4 nor IPv6.
[[nodiscard]] Result<Families> collect_udp_queues(const HostFs& fs);

}  // namespace muster::collector
