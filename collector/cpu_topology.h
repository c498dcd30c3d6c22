// Which CPUs of this machine are throttled by heat, kept for special work, or switched off?
//
// Core: /sys/devices/system/cpu in, node_cpu_* families out. An object keeps where the counters are
// until other CPUs are on, so that a scrape opens one file a core at most. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "collector/cpu.h"
#include "collector/host_fs.h"

namespace muster::collector {

// The CPUs that this machine has, on or off; fails as HostFs::list does.
[[nodiscard]] Result<std::set<std::uint32_t>> list_cpus(const HostFs& fs);

class CpuTopology {
 public:
  // `compat_1_5`: without node_cpu_online.
  explicit CpuTopology(bool compat_1_5) : compat_1_5_(compat_1_5) {}

  // `on`: the CPUs that run now, as /proc/stat lists them. Families of which the machine tells
  // nothing have no samples; node_cpu_online is of machines that can switch off their first CPU
  // (others leave no doubt about which are on). DataLoss when a file is not understood.
  [[nodiscard]] Result<Families> collect(const HostFs& fs, const CpuTable& on);

 private:
  struct Throttle {
    std::string path;
    std::uint64_t package = 0;
    std::optional<std::uint64_t> core;  // nothing: of the whole package
  };

  [[nodiscard]] Status look_around(const HostFs& fs, const std::vector<std::uint32_t>& cpus);
  void find_throttles(const HostFs& fs, const std::vector<std::uint32_t>& cpus);

  bool compat_1_5_;
  std::vector<std::uint32_t> looked_at_;  // the CPUs that were on at the last look
  std::vector<Throttle> throttles_;
  std::set<std::uint32_t> isolated_;
  bool first_can_go_off_ = false;
};

}  // namespace muster::collector
