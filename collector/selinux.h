// Does SELinux guard this machine, and how does its cache of decisions do?
//
// Core, no state: /sys/fs/selinux and /etc/selinux/config in, node_selinux_* out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// Text of avc/cache_stats: a line of counters a CPU, summed up here. DataLoss when it is no such.
[[nodiscard]] Result<Families> parse_avc_cache(std::string_view cache_stats_text);
// Text of avc/hash_stats. DataLoss when one of its three lines is missing.
[[nodiscard]] Result<Families> parse_avc_hash(std::string_view hash_stats_text);

// A kernel without /sys/fs/selinux/enforce has node_selinux_enabled 0 alone.
[[nodiscard]] Result<Families> collect_selinux(const HostFs& fs);

}  // namespace muster::collector
