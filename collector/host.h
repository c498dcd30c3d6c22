// How is this machine doing, all collectors together?
//
// Core: files come through a HostFs, time through the function handed in. The owner of a
// HostCollectors calls it from one thread at a time; it blocks only as long as the HostFs does.
// Never logs: what went wrong is in the report.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "base/time.h"
#include "base/workload.h"
#include "collector/collector.h"

namespace muster::collector {

// Time since any fixed moment; never goes back.
using Stopwatch = std::function<Duration()>;

struct HostReport {
  Families families;
  std::vector<std::string> errors;  // of failed collectors, and their complaints: for the log
};

class HostCollectors {
 public:
  // Pre: `fs` outlives this object.
  HostCollectors(const HostFs& fs, std::vector<Collector> collectors, Stopwatch elapsed);

  // Runs them in their order. A failing one adds nothing but its error and its success 0; the
  // others are untouched. Last come node_scrape_collector_duration_seconds and
  // node_scrape_collector_success, each with one sample a collector.
  [[nodiscard]] HostReport collect();

 private:
  const HostFs& fs_;
  std::vector<Collector> collectors_;
  Stopwatch elapsed_;
};

// What placement may give away on this machine: 1000 a CPU that is online, and MemTotal.
// DataLoss when either text is not understood.
[[nodiscard]] Result<Resources> parse_capacity(std::string_view stat_text,
                                               std::string_view meminfo_text);

}  // namespace muster::collector
