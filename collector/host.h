// How is this machine doing, all collectors together?
//
// Core, no state. collector/posix_gathering.h runs the collectors.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "base/time.h"
#include "base/workload.h"
#include "collector/collector.h"

namespace muster::collector {

struct CollectorRun {  // one collector, run once
  std::string name;
  Result<Families> families;
  Complaints complaints;
  Duration took{};
  bool timed_out = false;  // it has been given up in this run
  bool cut_off = false;    // for lack of its asker's time: nothing is known against it
  Settle settle = {};      // Collector::settle
};

struct HostReport {
  Families families;
  // For the log, by the name of every collector that ran and was not cut off: why it failed, and
  // its complaints.
  std::map<std::string, std::vector<std::string>> errors;
  std::vector<std::string> timed_out;  // names of collectors
};

// Settles those that can be, then puts all together. A failing one adds nothing but its error and
// its success 0; the others are untouched. One that failed with NotFound has nothing to report on
// this machine: that is no error for the log. Last come node_scrape_collector_duration_seconds and
// node_scrape_collector_success, each with one sample a collector.
[[nodiscard]] HostReport host_report(std::vector<CollectorRun> runs);

// Which of the errors of one report after another are news? Collectors run every few seconds and
// fail for the same reason each time. One owner.
class ErrorNews {
 public:
  struct Line {
    bool good = false;  // it is well again
    std::string text;
    bool operator==(const Line&) const = default;
  };
  // What the report before had not said of the same collector.
  [[nodiscard]] std::vector<Line> of(const HostReport& report);

 private:
  std::map<std::string, std::vector<std::string>> known_;
};

// What placement may give away on this machine: 1000 a CPU that is online, and MemTotal.
// DataLoss when either text is not understood.
[[nodiscard]] Result<Resources> parse_capacity(std::string_view stat_text,
                                               std::string_view meminfo_text);

}  // namespace muster::collector
