// What do this machine's network protocols count?
//
// Core, no state: /proc/net/netstat, snmp and snmp6 in, one node_netstat_* family a field out,
// named by protocol and field as in Tcp_RetransSegs.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

// Text of netstat or snmp: pairs of lines, names and numbers, each beginning with the protocol.
// `fields` says which to keep, by names as Tcp_RetransSegs. DataLoss when a pair does not fit
// together.
[[nodiscard]] Result<Families> parse_netstat(std::string_view path, std::string_view text,
                                             const Filter& fields);
// Text of snmp6: a name with its protocol (Ip6InOctets) and a number a line. Names without a 6 are
// left out. DataLoss when a line is neither.
[[nodiscard]] Result<Families> parse_snmp6(std::string_view snmp6_text, const Filter& fields);

// All three; without IPv6 there is no snmp6.
[[nodiscard]] Result<Families> collect_netstat(const HostFs& fs, const Filter& fields);

}  // namespace muster::collector
