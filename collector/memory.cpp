#include "collector/memory.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"meminfo", "/proc/meminfo"};

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
  const bool valid = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return valid ? name : std::string();
}
}  // namespace

Result<Families> parse_memory(std::string_view meminfo_text) {
  const auto lines = split_lines(kSource, meminfo_text);
  if (!lines) return tl::unexpected(lines.error());
  Families families;
  std::set<std::string> names;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const std::string_view line = (*lines)[i];
    const auto fields = split_fields(line);
    if (fields.empty()) continue;  // some kernels print empty lines
    std::string name = metric_part(fields[0]);
    if (name.empty())
      return refuse_line(kSource, i, line, "does not begin with a name and a colon");
    const auto value = fields.size() > 1 ? parse_count(fields[1]) : std::nullopt;
    if (!value) return refuse_line(kSource, i, line, "does not hold a number");
    const bool in_kilobytes = fields.size() == 3 && fields[2] == "kB";
    if (fields.size() > 2 && !in_kilobytes) {
      return refuse_line(kSource, i, line, "has a unit other than kB");
    }
    if (in_kilobytes) name += "_bytes";
    if (!names.insert(name).second) {
      return refuse_line(kSource, i, line, "repeats the name of an earlier line");
    }
    const double amount = static_cast<double>(*value) * (in_kilobytes ? 1024.0 : 1.0);
    families.push_back({"node_memory_" + name,
                        "Memory information field " + name + ".",
                        MetricType::Gauge,
                        {{{}, amount}}});
  }
  if (!names.contains("MemTotal_bytes")) return refuse(kSource, "has no line MemTotal");
  return families;
}

}  // namespace muster::collector
