#include "collector/rapl.h"

#include <map>
#include <string>
#include <string_view>

#include "collector/family_table.h"
#include "collector/proc_text.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr std::string_view kDirectory = "/sys/class/powercap";

struct RaplZone {
  std::string name;
  std::string index;
};

// "package-1" is the package 1; of "dram", which several packages have, they are counted.
RaplZone zone_of(const std::string& text, std::map<std::string, std::size_t>& used) {
  const std::size_t dash = text.find('-');
  if (dash != std::string::npos && text.find('-', dash + 1) == std::string::npos) {
    if (const auto index = parse_count(std::string_view(text).substr(dash + 1))) {
      used[text.substr(0, dash)] = *index + 1;
      return {text.substr(0, dash), std::to_string(*index)};
    }
  }
  return {text, std::to_string(used[text]++)};
}

std::string metric_name(std::string_view zone) {
  std::string name = "node_rapl_";
  for (const char c : zone) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += fits ? c : '_';
  }
  return name + "_joules_total";
}
}  // namespace

Result<Families> collect_rapl(const HostFs& fs) {
  const auto entries = fs.list(kDirectory);
  if (!entries) return tl::unexpected(entries.error());
  SysAttributes sys(fs, "rapl");
  NamedFamilies families;
  std::map<std::string, std::size_t> used;
  for (const std::string& entry : *entries) {
    const std::string path = std::string(kDirectory) + '/' + entry;
    const auto name = sys.text(path + "/name");
    if (!name) continue;  // "intel-rapl" itself is no zone
    const RaplZone zone = zone_of(*name, used);
    const std::string file = path + "/energy_uj";
    const auto energy = fs.read(file);
    if (!energy && energy.error().code == Code::PermissionDenied) {
      return fail(Code::NotFound, energy.error().text);
    }
    if (!energy) continue;
    const auto microjoules = parse_count(trimmed(*energy));
    if (!microjoules) {
      sys.refuse(file, "does not hold a count");
      continue;
    }
    families.add(metric_name(zone.name), "Current RAPL " + zone.name + " value in joules",
                 MetricType::Counter, {{"index", zone.index}, {"path", path}},
                 static_cast<double>(*microjoules) / 1e6);
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  return families.take();
}

}  // namespace muster::collector
