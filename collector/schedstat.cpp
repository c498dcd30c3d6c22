#include "collector/schedstat.h"

#include <set>
#include <string>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"schedstat", "/proc/schedstat"};
constexpr std::size_t kFields = 10;  // of a CPU's line, with its name
// Nanoseconds since Linux 2.6.23, whatever sched-stats.rst says; the last is a number of slices.
constexpr std::size_t kRunning = 7, kWaiting = 8, kSlices = 9;
constexpr double kPerSecond = 1e9;
}  // namespace

Result<Families> parse_schedstat(std::string_view schedstat_text) {
  const auto lines = split_lines(kSource, schedstat_text);
  if (!lines) return tl::unexpected(lines.error());
  Family running = counter("node_schedstat_running_seconds_total",
                           "Number of seconds CPU spent running a process.");
  Family slices =
      counter("node_schedstat_timeslices_total", "Number of timeslices executed by CPU.");
  Family waiting = counter("node_schedstat_waiting_seconds_total",
                           "Number of seconds spent by processing waiting for this CPU.");
  std::set<std::uint64_t> seen;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    if (!(*lines)[i].starts_with("cpu")) continue;  // version, timestamp and domains
    const auto fields = split_fields((*lines)[i]);
    const auto number = parse_count(fields[0].substr(3));
    if (!number || !seen.insert(*number).second) {
      return refuse_line(kSource, i, (*lines)[i], "names no CPU, or one for the second time");
    }
    if (fields.size() != kFields) {
      return refuse_line(kSource, i, (*lines)[i], "does not hold 9 counters");
    }
    const auto ran = parse_count(fields[kRunning]);
    const auto waited = parse_count(fields[kWaiting]);
    const auto count = parse_count(fields[kSlices]);
    if (!ran || !waited || !count) {
      return refuse_line(kSource, i, (*lines)[i], "does not hold 9 counters");
    }
    const std::string cpu = std::to_string(*number);
    add_sample(running, {{"cpu", cpu}}, static_cast<double>(*ran) / kPerSecond);
    add_sample(slices, {{"cpu", cpu}}, static_cast<double>(*count));
    add_sample(waiting, {{"cpu", cpu}}, static_cast<double>(*waited) / kPerSecond);
  }
  if (seen.empty()) return refuse(kSource, "has no line of a CPU");
  return Families{running, slices, waiting};
}

}  // namespace muster::collector
