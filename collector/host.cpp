#include "collector/host.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "collector/cpu.h"
#include "collector/memory.h"

namespace muster::collector {
namespace {

Error named(const Collector& collector, const Error& error) {
  const std::string prefix = "collector " + collector.name + ": ";
  if (error.text.starts_with(prefix)) return error;
  return {error.code, prefix + error.text + "; its metrics are left out"};
}
}  // namespace

HostCollectors::HostCollectors(const HostFs& fs, std::vector<Collector> collectors,
                               Stopwatch elapsed)
    : fs_(fs), collectors_(std::move(collectors)), elapsed_(std::move(elapsed)) {
  CHECK(elapsed_);
}

HostReport HostCollectors::collect() {
  Family durations{"node_scrape_collector_duration_seconds",
                   "node_exporter: Duration of a collector scrape.",
                   MetricType::Gauge,
                   {}};
  Family successes{"node_scrape_collector_success",
                   "node_exporter: Whether a collector succeeded.",
                   MetricType::Gauge,
                   {}};
  HostReport report;
  for (const Collector& collector : collectors_) {
    const Duration begin = elapsed_();
    Result<Families> families = collector.collect(fs_, report.errors);
    const Duration took = elapsed_() - begin;
    if (families) {
      std::move(families->begin(), families->end(), std::back_inserter(report.families));
    } else {
      report.errors.push_back(named(collector, families.error()).text);
    }
    durations.samples.push_back({{{"collector", collector.name}}, seconds(took)});
    successes.samples.push_back({{{"collector", collector.name}}, families ? 1.0 : 0.0});
  }
  report.families.push_back(std::move(durations));
  report.families.push_back(std::move(successes));
  return report;
}

Result<Resources> parse_capacity(std::string_view stat_text, std::string_view meminfo_text) {
  constexpr std::size_t kCpusMax = 65536;    // more than Linux can be built for
  constexpr double kMemoryMax = 1ULL << 60;  // bytes; keeps sums over nodes in range
  const auto cpus = parse_cpu_times(stat_text);
  if (!cpus) return tl::unexpected(cpus.error());
  const auto memory = parse_memory(meminfo_text);
  if (!memory) return tl::unexpected(memory.error());
  const auto total = std::find_if(memory->begin(), memory->end(), [](const Family& family) {
    return family.name == "node_memory_MemTotal_bytes";
  });
  CHECK(total != memory->end());  // parse_memory refuses text without it
  const double bytes = total->samples.front().value;
  if (cpus->size() > kCpusMax || bytes > kMemoryMax) {
    return fail(Code::DataLoss,
                "capacity of this node: /proc/stat or /proc/meminfo claims more "
                "than any machine has; set it in the configuration");
  }
  return Resources{static_cast<std::uint32_t>(cpus->size()) * 1000,
                   static_cast<std::uint64_t>(bytes)};
}

}  // namespace muster::collector
