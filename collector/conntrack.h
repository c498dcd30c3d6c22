// How full is this machine's table of tracked connections, and what became of its packets?
//
// Core, no state: /proc/sys/net/netfilter/nf_conntrack_* and /proc/net/stat/nf_conntrack in,
// node_nf_conntrack_* gauges out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// Text of /proc/net/stat/nf_conntrack: a line of hexadecimal counters a CPU, summed up here. The
// header names the columns, which change from kernel to kernel. DataLoss when a line does not fit
// the header or a column that every kernel has is missing.
[[nodiscard]] Result<Families> parse_conntrack_stat(std::string_view stat_text);

// NotFound when the kernel does not track connections. A kernel that keeps no statistics has the
// number of entries and its limit alone.
[[nodiscard]] Result<Families> collect_conntrack(const HostFs& fs);

}  // namespace muster::collector
