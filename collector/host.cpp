#include "collector/host.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "collector/cpu.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

std::string text_for_log(const CollectorRun& run, const std::string& text) {
  const std::string prefix = "collector " + run.name + ": ";
  return text.starts_with(prefix) ? text : prefix + text;
}

void settle(std::vector<CollectorRun>& runs) {
  for (CollectorRun& run : runs) {
    if (!run.settle || !run.families) continue;
    Others others;
    for (const CollectorRun& other : runs) {
      if (&other != &run && other.families) others.push_back({other.name, &*other.families});
    }
    run.settle(others, *run.families, run.complaints);
  }
}

// Bytes. Other lines may be what they like: they fail the collector, not the start of an agent.
std::optional<double> total_memory(std::string_view meminfo_text) {
  while (!meminfo_text.empty()) {
    const std::size_t end = std::min(meminfo_text.find('\n'), meminfo_text.size());
    std::string_view rest = meminfo_text.substr(0, end);
    meminfo_text.remove_prefix(std::min(end + 1, meminfo_text.size()));
    if (next_field(rest) != "MemTotal:") continue;
    const auto value = parse_count(next_field(rest));
    if (!value || next_field(rest) != "kB") return std::nullopt;
    return static_cast<double>(*value) * 1024;
  }
  return std::nullopt;
}

tl::unexpected<Error> unknown_capacity(std::string_view why) {
  return fail(Code::DataLoss, "capacity of this node: " + std::string(why) +
                                  "; set resources.cpu and resources.memory in the configuration");
}
}  // namespace

HostReport host_report(std::vector<CollectorRun> runs) {
  settle(runs);
  Family durations{"node_scrape_collector_duration_seconds",
                   "node_exporter: Duration of a collector scrape.",
                   MetricType::Gauge,
                   {}};
  Family successes{"node_scrape_collector_success",
                   "node_exporter: Whether a collector succeeded.",
                   MetricType::Gauge,
                   {}};
  HostReport report;
  std::size_t families = 2;
  for (const CollectorRun& run : runs) families += run.families ? run.families->size() : 0;
  report.families.reserve(families);
  durations.samples.reserve(runs.size());
  successes.samples.reserve(runs.size());
  for (CollectorRun& run : runs) {
    durations.samples.push_back({{{"collector", run.name}}, seconds(run.took)});
    successes.samples.push_back({{{"collector", run.name}}, run.families ? 1.0 : 0.0});
    if (run.cut_off) continue;
    std::vector<std::string>& errors = report.errors[run.name];
    if (run.families) {
      std::move(run.families->begin(), run.families->end(), std::back_inserter(report.families));
    } else if (run.families.error().code != Code::NotFound) {
      std::string text = text_for_log(run, run.families.error().text);
      if (!text.ends_with(kLeftOut)) text += kLeftOut;
      errors.push_back(std::move(text));
    }
    for (const std::string& complaint : run.complaints) {
      errors.push_back(text_for_log(run, complaint));
    }
    if (run.timed_out) report.timed_out.push_back(run.name);
  }
  report.families.push_back(std::move(durations));
  report.families.push_back(std::move(successes));
  return report;
}

std::vector<ErrorNews::Line> ErrorNews::of(const HostReport& report) {
  std::vector<Line> news;
  for (const auto& [name, errors] : report.errors) {
    std::vector<std::string>& known = known_[name];
    for (const std::string& error : errors) {
      if (std::find(known.begin(), known.end(), error) == known.end())
        news.push_back({false, error});
    }
    if (errors.empty() && !known.empty()) {
      news.push_back({true, "collector " + name + ": well again"});
    }
    known = errors;
  }
  return news;
}

Result<Resources> parse_capacity(std::string_view stat_text, std::string_view meminfo_text) {
  constexpr double kMemoryMax = 1ULL << 60;  // bytes; keeps sums over nodes in range
  const auto cpus = parse_cpu_times(stat_text);
  if (!cpus) return unknown_capacity("/proc/stat does not say which CPUs there are");
  const auto bytes = total_memory(meminfo_text);
  if (!bytes) return unknown_capacity("/proc/meminfo does not say how much memory there is");
  if (cpus->size() > kCpusMax || *bytes > kMemoryMax) {
    return unknown_capacity("/proc/stat or /proc/meminfo claims more than any machine has");
  }
  return Resources{static_cast<std::uint32_t>(cpus->size()) * 1000,
                   static_cast<std::uint64_t>(*bytes)};
}

}  // namespace muster::collector
