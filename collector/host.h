// How is this machine doing, all collectors together?
//
// Core: files and time come through the two functions handed in. The owner of a HostCollectors
// calls it from one thread at a time; it blocks only as long as `read` does. Never logs: what went
// wrong is in the report.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "base/time.h"
#include "base/workload.h"
#include "collector/cpu.h"

namespace muster::collector {

// Reads one whole file, named as it is on a normal system ("/proc/stat").
using ReadFile = std::function<Result<std::string>(std::string_view path)>;
// Time since any fixed moment; never goes back.
using Stopwatch = std::function<Duration()>;

struct HostReport {
  Families families;
  std::vector<std::string> errors;  // one a failed collector, for the log; names it
};

class HostCollectors {
 public:
  // Pre: neither function is empty.
  HostCollectors(ReadFile read, Stopwatch elapsed);

  // Runs cpu, loadavg, meminfo, netdev and stat. A failing one adds nothing but its error and its
  // success 0; the others are untouched. Last come node_scrape_collector_duration_seconds and
  // node_scrape_collector_success, each with one sample a collector.
  [[nodiscard]] HostReport collect();

 private:
  ReadFile read_;
  Stopwatch elapsed_;
  CpuCounters cpu_counters_;
};

// What placement may give away on this machine: 1000 a CPU that is online, and MemTotal.
// DataLoss when either text is not understood.
[[nodiscard]] Result<Resources> parse_capacity(std::string_view stat_text,
                                               std::string_view meminfo_text);

}  // namespace muster::collector
