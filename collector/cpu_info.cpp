#include "collector/cpu_info.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"cpu", "/proc/cpuinfo"};
constexpr std::string_view kProcessor = "processor";

// In the order of the labels.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kLabels{{
    {"cachesize", "cache size"},
    {"core", "core id"},
    {"cpu", kProcessor},
    {"family", "cpu family"},
    {"microcode", "microcode"},
    {"model", "model"},
    {"model_name", "model name"},
    {"package", "physical id"},
    {"stepping", "stepping"},
    {"vendor", "vendor_id"},
}};
}  // namespace

Result<Families> parse_cpu_info(std::string_view cpuinfo_text) {
  const auto lines = split_lines(kSource, cpuinfo_text);
  if (!lines) return tl::unexpected(lines.error());
  Family info = gauge("node_cpu_info", "CPU information from /proc/cpuinfo.");
  std::set<std::string_view> cpus;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const std::string_view line = (*lines)[i];
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = trimmed(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (key == kProcessor) {
      if (!parse_count(value) || !cpus.insert(value).second) {
        return refuse_line(kSource, i, line, "names no CPU, or one for the second time");
      }
      info.samples.push_back({{}, 1});
      for (const auto& [label, said_as] : kLabels) {
        info.samples.back().labels.emplace_back(label, std::string());
      }
    }
    const auto found = std::find_if(kLabels.begin(), kLabels.end(),
                                    [&](const auto& label) { return label.second == key; });
    if (found == kLabels.end() || info.samples.empty()) continue;
    const auto place = static_cast<std::size_t>(found - kLabels.begin());
    info.samples.back().labels[place].second = value;
  }
  if (cpus.empty()) return refuse(kSource, "names no CPU");
  return Families{std::move(info)};
}

}  // namespace muster::collector
