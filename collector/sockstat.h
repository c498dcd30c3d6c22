// How many sockets of each protocol are in use on this machine, and how much memory do they hold?
//
// Core, no state: /proc/net/sockstat and /proc/net/sockstat6 in, node_sockstat_* gauges out.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// Either text, from `path`. "mem" counts pages: it comes a second time in bytes. DataLoss when a
// line is not a protocol and pairs of a name and a number.
[[nodiscard]] Result<Families> parse_sockstat(std::string_view path, std::string_view sockstat_text,
                                              std::uint64_t page_bytes);

// A kernel without IPv4 or IPv6 has only the other file; without both the answer is empty.
[[nodiscard]] Result<Families> collect_sockstat(const HostFs& fs);

}  // namespace muster::collector
