// What are nodes, instances, streams and addresses called?
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace muster {

// A node's name, unique in a cluster, and a workload's name. See valid_name().
using NodeName = std::string;

// One placed copy of a workload. Never reused in a cluster's life; 0 means none.
using InstanceId = std::uint64_t;

// One RPC connection as seen by one process. Streams that Node opens are odd, accepted ones even.
using StreamId = std::uint64_t;

// A master in the consensus engine: fnv1a64 of its node name. 0 means none.
using MasterId = std::uint64_t;

// A DNS label sequence: 1..63 of [a-z0-9.-], first and last alphanumeric.
[[nodiscard]] bool valid_name(std::string_view name);

// FNV-1a, 64 bits (Fowler, Noll, Vo). Stable for ever: it is in files and on wires.
inline constexpr std::uint64_t kFnvOffset = 14695981039346656037ULL;
[[nodiscard]] std::uint64_t fnv1a64(std::string_view bytes, std::uint64_t seed = kFnvOffset);

// Of a founder, which all founders must know without asking. Whoever joins later gets a new id each
// time that its log begins empty: a log that was lost must not be taken for the one that it was.
[[nodiscard]] inline MasterId master_id(const NodeName& name) { return fnv1a64(name); }
// `boot`: of the process that began the log; random. '/' is in no name, so no founder has this id.
[[nodiscard]] inline MasterId master_id(const NodeName& name, const std::string& boot) {
  return fnv1a64(name + "/" + boot);
}

// A numeric IPv4 address or a host name with a port. Text form: host:port.
struct Address {
  std::string host;
  std::uint16_t port = 0;
  auto operator<=>(const Address&) const = default;
  [[nodiscard]] std::string text() const { return host + ":" + std::to_string(port); }
};
// Fails with InvalidArgument unless `text` is host:port with a port in 1..65535.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

// True for 127.0.0.0/8, ::1 and localhost: where an agent without identity may listen.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace muster
