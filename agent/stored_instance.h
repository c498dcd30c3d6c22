// What must an agent remember to find its workloads again after it was restarted?
#pragma once

#include <cstdint>
#include <string>

#include "base/rpc.h"

namespace muster::agent {

struct StoredInstance {
  rpc::Assignment assignment;
  std::int64_t pid = 0;          // 0: was not started, or was about to be
  std::uint64_t start_time = 0;  // clock ticks after boot: field 22 of /proc/PID/stat
  std::uint32_t restarts = 0;
  bool operator==(const StoredInstance&) const = default;
};

}  // namespace muster::agent
