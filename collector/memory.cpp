#include "collector/memory.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"meminfo", "/proc/meminfo"};
constexpr std::string_view kPrefix = "node_memory_";
constexpr std::string_view kTotal = "node_memory_MemTotal_bytes";
constexpr std::size_t kFamiliesMax = 4096;  // many times what any kernel has

// "Active(anon):" -> "Active_anon"; empty when it could not be part of a metric's name.
std::string metric_part(std::string_view key) {
  if (!key.ends_with(':')) return {};
  key.remove_suffix(1);
  std::string name(key);
  const std::size_t open = name.find('(');
  if (open != std::string::npos && name.ends_with(')')) {
    name.pop_back();
    name[open] = '_';
  }
  return is_metric_part(name) ? name : std::string();
}
}  // namespace

Result<Families> parse_memory(std::string_view meminfo_text) {
  const auto lines = split_lines(kSource, meminfo_text);
  if (!lines) return tl::unexpected(lines.error());
  Families families;
  families.reserve(std::min(lines->size(), kFamiliesMax));
  std::vector<std::pair<std::string_view, std::size_t>> names;  // of which line
  names.reserve(families.capacity());
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const std::string_view line = (*lines)[i];
    std::string_view rest = line;
    const std::string_view key = next_field(rest);
    if (key.empty()) continue;  // some kernels print empty lines
    std::string name = metric_part(key);
    if (name.empty())
      return refuse_line(kSource, i, line, "does not begin with a name and a colon");
    const auto value = parse_count(next_field(rest));
    if (!value) return refuse_line(kSource, i, line, "does not hold a number");
    const std::string_view unit = next_field(rest);
    const bool in_kilobytes = unit == "kB";
    if ((!unit.empty() && !in_kilobytes) || !next_field(rest).empty()) {
      return refuse_line(kSource, i, line, "has a unit other than kB");
    }
    if (in_kilobytes) name += "_bytes";
    if (names.size() == kFamiliesMax) return refuse(kSource, "has more lines than on any kernel");
    const double amount = static_cast<double>(*value) * (in_kilobytes ? 1024.0 : 1.0);
    families.push_back(
        gauge(joined({kPrefix, name}), joined({"Memory information field ", name, "."}), amount));
    names.emplace_back(families.back().name, i);  // which stays where it is: there is room for all
  }
  std::sort(names.begin(), names.end());
  const auto repeated = std::adjacent_find(
      names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  if (repeated != names.end()) {
    const std::size_t line = std::next(repeated)->second;
    return refuse_line(kSource, line, (*lines)[line], "repeats the name of an earlier line");
  }
  const auto total = std::lower_bound(names.begin(), names.end(), std::pair(kTotal, std::size_t{}));
  if (total == names.end() || total->first != kTotal) {
    return refuse(kSource, "has no line MemTotal");
  }
  return families;
}

}  // namespace muster::collector
