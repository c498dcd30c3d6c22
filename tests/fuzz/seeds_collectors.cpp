#include "tests/fuzz/seeds_collectors.h"

#include "collector/collectors.h"
#include "collector/posix_host_fs.h"
#include "tests/fuzz/collectors_host.h"

namespace muster::fuzz {

std::map<std::string, std::string> collector_seeds(const std::string& fixtures) {
  const collector::PosixHostFs host({fixtures + "/proc", fixtures + "/sys", fixtures});
  std::map<std::string, std::string> seeds;
  for (const collector::Collector& collector :
       collector::all_collectors(collector_options(false))) {
    const HeardHost hears(host);
    collector::Complaints complaints;
    (void)collector.collect(hears, complaints);
    seeds[collector.name] = collector.name + "\n" + hears.heard();
  }
  seeds["headers"] =
      "headers\napplication/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
  seeds["headers_time"] = "headers\n10.5";
  seeds["capacity"] =
      std::string("capacity\ncpu0 1 2 3 4 5 6 7 8 9 10\n") + kNext + "MemTotal: 24684096 kB\n";
  return seeds;
}

}  // namespace muster::fuzz
