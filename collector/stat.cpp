#include "collector/stat.h"

#include <array>
#include <optional>
#include <string>

#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"stat", "/proc/stat"};

struct Line {
  std::string_view key;
  std::string_view name;
  std::string_view help;
  MetricType type;
};
constexpr std::array<Line, 6> kLines{{
    {"btime", "node_boot_time_seconds", "Node boot time, in unixtime.", MetricType::Gauge},
    {"ctxt", "node_context_switches_total", "Total number of context switches.",
     MetricType::Counter},
    {"processes", "node_forks_total", "Total number of forks.", MetricType::Counter},
    {"intr", "node_intr_total", "Total number of interrupts serviced.", MetricType::Counter},
    {"procs_blocked", "node_procs_blocked",
     "Number of processes blocked waiting for I/O to complete.", MetricType::Gauge},
    {"procs_running", "node_procs_running", "Number of processes in runnable state.",
     MetricType::Gauge},
}};
}  // namespace

Result<Families> parse_stat(std::string_view stat_text) {
  const auto lines = split_lines(kSource, stat_text);
  if (!lines) return tl::unexpected(lines.error());
  std::array<std::optional<std::uint64_t>, kLines.size()> values;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    const std::string_view key = next_field(rest);
    for (std::size_t wanted = 0; wanted < kLines.size(); ++wanted) {
      if (kLines[wanted].key != key) continue;
      values[wanted] = parse_count(next_field(rest));  // of intr the first is the sum
      if (!values[wanted]) return refuse_line(kSource, i, (*lines)[i], "does not hold a number");
    }
  }
  Families families;
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    if (!values[i]) return refuse(kSource, "has no line " + std::string(kLines[i].key));
    families.push_back({std::string(kLines[i].name),
                        std::string(kLines[i].help),
                        kLines[i].type,
                        {{{}, static_cast<double>(*values[i])}}});
  }
  return families;
}

}  // namespace muster::collector
