// How did the CPUs of this machine spend their time?
//
// Core: text of /proc/stat in, node_cpu_* families out. Its owner hands in the CpuCounters that it
// keeps between scrapes. Never goes backwards, which the kernel's own numbers sometimes do.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// The columns of a cpu line, in /proc/stat's order. User includes Guest, Nice includes GuestNice.
enum class CpuMode { User, Nice, System, Idle, Iowait, Irq, Softirq, Steal, Guest, GuestNice };
inline constexpr std::size_t kCpuModes = 10;

inline constexpr std::uint64_t kTicksPerSecond = 100;  // USER_HZ, the same on all of Linux

using CpuTimes = std::array<std::uint64_t, kCpuModes>;  // ticks since boot, by CpuMode
using CpuTable = std::map<std::uint32_t, CpuTimes>;     // by CPU number; online CPUs only

// DataLoss when a cpu line is not understood or there is none.
[[nodiscard]] Result<CpuTable> parse_cpu_times(std::string_view stat_text);

// Keeps the highest value seen of each counter: a counter that drops reads as a reset, and rate()
// would then show a spike that never was.
class CpuCounters {
 public:
  // Takes in a new reading and returns what to publish. A drop is ignored. An idle time that drops
  // by 3 s or more means that the CPU was off: that CPU starts over. One that is not in the reading
  // is off: it is forgotten.
  const CpuTable& update(const CpuTable& reading);
  // What the last update returned: the keys are the CPUs that are on.
  [[nodiscard]] const CpuTable& published() const { return published_; }

 private:
  CpuTable published_;
};

// node_cpu_seconds_total and node_cpu_guest_seconds_total. On an error `counters` is untouched.
[[nodiscard]] Result<Families> parse_cpu(std::string_view stat_text, CpuCounters& counters);

}  // namespace muster::collector
