#include "collector/softnet.h"

#include <array>
#include <set>
#include <string>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"softnet", "/proc/net/softnet_stat"};
constexpr std::size_t kColumnsMin = 9;
constexpr std::size_t kCpuColumn = 12;

struct Column {
  std::size_t index;  // of the file; a kernel that does not have it: 0
  std::string_view name;
  std::string_view help;
  MetricType type;
  bool in_1_5;
};
constexpr std::array<Column, 7> kColumns{{
    {11, "node_softnet_backlog_len", "Softnet backlog status", MetricType::Gauge, false},
    {8, "node_softnet_cpu_collision_total",
     "Number of collision occur while obtaining device lock while transmitting",
     MetricType::Counter, false},
    {1, "node_softnet_dropped_total", "Number of dropped packets", MetricType::Counter, true},
    {10, "node_softnet_flow_limit_count_total", "Number of times flow limit has been reached",
     MetricType::Counter, false},
    {0, "node_softnet_processed_total", "Number of processed packets", MetricType::Counter, true},
    {9, "node_softnet_received_rps_total", "Number of times cpu woken up received_rps",
     MetricType::Counter, false},
    {2, "node_softnet_times_squeezed_total", "Number of times processing packets ran out of quota",
     MetricType::Counter, true},
}};
}  // namespace

Result<Families> parse_softnet(std::string_view softnet_text, bool compat_1_5) {
  const auto lines = split_lines(kSource, softnet_text);
  if (!lines) return tl::unexpected(lines.error());
  Families families;
  for (const Column& column : kColumns) {
    families.push_back({std::string(column.name), std::string(column.help), column.type, {}});
  }
  std::set<std::uint64_t> cpus;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::array<std::uint64_t, kCpuColumn + 1> values{};
    std::string_view rest = (*lines)[i];
    std::size_t columns = 0;
    for (; columns < values.size(); ++columns) {
      const std::string_view field = next_field(rest);
      if (field.empty()) break;
      const auto value = parse_hex(field);
      if (!value) return refuse_line(kSource, i, (*lines)[i], "holds no hexadecimal numbers");
      values[columns] = *value;
    }
    if (columns < kColumnsMin) return refuse_line(kSource, i, (*lines)[i], "has too few columns");
    const std::uint64_t cpu = columns > kCpuColumn ? values[kCpuColumn] : i;
    if (!cpus.insert(cpu).second) {
      return refuse_line(kSource, i, (*lines)[i], "names a CPU for the second time");
    }
    for (std::size_t c = 0; c < kColumns.size(); ++c) {
      add_sample(families[c], {{"cpu", std::to_string(cpu)}},
                 static_cast<double>(values[kColumns[c].index]));
    }
  }
  if (!compat_1_5) return families;
  Families old;
  for (std::size_t c = 0; c < kColumns.size(); ++c) {
    if (kColumns[c].in_1_5) old.push_back(std::move(families[c]));
  }
  return old;
}

}  // namespace muster::collector
