#include "agent/top_frame.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "agent/api_response.h"
#include "agent/text_plot.h"
#include "agent/text_table.h"

namespace muster::agent {
namespace {

constexpr std::size_t kHeadRows = 11;  // above the nodes
constexpr std::size_t kOwnSpark = 20;  // characters
constexpr std::size_t kFreshMax = 3;   // a value that is older is not shown as the present one
constexpr std::size_t kTextColumns = 59;

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// Cut to `width` characters.
std::string cut(std::string text, std::size_t width) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && ++count > width) {
      text.resize(i);
      break;
    }
  }
  return text;
}

std::string left(const std::string& text, std::size_t width) {
  std::string cell = cut(text, width);
  cell.append(width - width_of(cell), ' ');
  return cell;
}

std::string right(const std::string& text, std::size_t width) {
  const std::string cell = cut(text, width);
  return std::string(width - width_of(cell), ' ') + cell;
}

const std::vector<float>& values(const SeriesValues& series, const char* name) {
  static const std::vector<float> kEmpty;
  const auto found = series.find(name);
  return found == series.end() ? kEmpty : found->second;
}

double latest(const SeriesValues& series, const char* name) {
  const std::vector<float>& all = values(series, name);
  for (std::size_t i = 0; i < std::min(all.size(), kFreshMax); ++i) {
    const float value = all[all.size() - 1 - i];
    if (std::isfinite(value)) return static_cast<double>(value);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string text(const SeriesValues& series, const char* name, std::string_view unit) {
  return value_text(latest(series, name), unit);
}

std::string own_line(const char* title, const std::string& what, const std::vector<float>& spark,
                     float most, bool blocks) {
  return left(left(title, 9) + what, kTextColumns) + " " +
         sparkline(spark, kOwnSpark, most, blocks);
}

std::vector<float> sum_of(const std::vector<float>& one, const std::vector<float>& other) {
  std::vector<float> sum = one;
  for (std::size_t i = 0; i < std::min(one.size(), other.size()); ++i) sum[i] += other[i];
  return sum;
}

std::vector<std::string> own_lines(const SeriesValues& own, bool blocks) {
  const auto percent = [&](const char* name) { return text(own, name, "ratio"); };
  const double used = latest(own, "memory_total") - latest(own, "memory_available");
  return {
      own_line("cpu",
               left(percent("cpu_busy"), 8) + "user " + percent("cpu_user") + ", system " +
                   percent("cpu_system") + ", iowait " + percent("cpu_iowait"),
               values(own, "cpu_busy"), 1, blocks),
      own_line("memory",
               left(percent("memory_used"), 8) + value_text(used, "bytes") + " of " +
                   text(own, "memory_total", "bytes") + ", swap " + percent("swap_used"),
               values(own, "memory_used"), 1, blocks),
      own_line("load",
               left(text(own, "load1", ""), 8) + text(own, "load5", "") + ", " +
                   text(own, "load15", "") + "; running " + text(own, "processes_running", "") +
                   ", blocked " + text(own, "processes_blocked", ""),
               values(own, "load1"), 0, blocks),
      own_line("network",
               "in " + left(text(own, "network_receive_total", "bytes/s"), 12) + "out " +
                   text(own, "network_transmit_total", "bytes/s"),
               sum_of(values(own, "network_receive_total"), values(own, "network_transmit_total")),
               0, blocks),
      own_line("disk",
               "read " + left(text(own, "disk_read_total", "bytes/s"), 12) + "write " +
                   text(own, "disk_write_total", "bytes/s"),
               sum_of(values(own, "disk_read_total"), values(own, "disk_write_total")), 0, blocks),
      own_line("pressure",
               "cpu " + percent("pressure_cpu") + ", memory " + percent("pressure_memory") +
                   ", io " + percent("pressure_io") + " of the time",
               values(own, "pressure_io"), 1, blocks),
      own_line("muster",
               "cpu " + percent("muster_cpu") + ", memory " + text(own, "muster_memory", "bytes"),
               values(own, "muster_cpu"), 0, blocks),
  };
}

std::string node_line(const TopNode& node, std::size_t columns, bool blocks) {
  constexpr std::size_t kBeforeSpark = 67;
  const auto cell = [&](const char* name, const char* unit, std::size_t width) {
    return right(text(node.series, name, unit), width);
  };
  std::string line = left(printable(node.name), 17) + " " + left(printable(node.state), 7);
  line += cell("cpu_busy", "ratio", 7) + cell("memory_used", "ratio", 7) + cell("load1", "", 6);
  line += cell("network_receive_total", "bytes/s", 11);
  line += cell("network_transmit_total", "bytes/s", 11);
  if (columns <= kBeforeSpark + 2) return line;
  return line + "  " +
         sparkline(values(node.series, "cpu_busy"),
                   std::min<std::size_t>(columns - kBeforeSpark - 2, 20), 1, blocks);
}

}  // namespace

std::size_t top_rows(std::size_t rows) { return rows > kHeadRows + 1 ? rows - kHeadRows - 1 : 0; }

std::vector<std::string> top_lines(const TopState& state, std::size_t columns, std::size_t rows,
                                   bool blocks) {
  std::vector<std::string> lines;
  const std::string time = rfc3339(state.now).substr(11, 8) + "Z";
  std::string title = "muster top  " + printable(state.node) + " of cluster " +
                      printable(state.cluster) + ", coordinator " +
                      (state.coordinator.empty() ? "unknown" : printable(state.coordinator));
  lines.push_back(left(title, columns > 10 ? columns - 10 : columns) + " " + time);
  lines.push_back(printable(state.trouble));
  for (std::string& line : own_lines(state.own, blocks)) lines.push_back(std::move(line));
  lines.emplace_back();
  lines.push_back(left("NODE", 17) + " " + left("STATE", 7) + right("CPU", 7) + right("MEM", 7) +
                  right("LOAD", 6) + right("NET IN", 11) + right("NET OUT", 11) + "  CPU, 10 MIN");
  const std::size_t room = top_rows(rows);
  const std::size_t end = std::min(state.nodes.size(), state.first + room);
  for (std::size_t i = state.first; i < end; ++i) {
    lines.push_back(node_line(state.nodes[i], columns, blocks));
  }
  if (lines.size() < rows) {
    std::string foot = std::to_string(state.nodes.size());
    foot += state.nodes.size() == 1 ? " node" : " nodes";
    const auto alive = std::count_if(state.nodes.begin(), state.nodes.end(),
                                     [](const TopNode& node) { return node.state == "alive"; });
    foot += ", " + std::to_string(alive) + " alive; q quits, j and k scroll";
    lines.push_back(std::move(foot));
  }
  lines.resize(std::min(lines.size(), rows));
  for (std::string& line : lines) {
    line = cut(std::move(line), columns);
    line.erase(line.find_last_not_of(' ') + 1);
  }
  return lines;
}

}  // namespace muster::agent
