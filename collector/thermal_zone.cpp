#include "collector/thermal_zone.h"

#include <array>
#include <string>
#include <string_view>

#include "collector/family_table.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr std::string_view kDirectory = "/sys/class/thermal";

enum Row : std::size_t { kTemperature, kCurrent, kMaximum };
constexpr std::array<FamilyRow, 3> kRows{{
    {"node_thermal_zone_temp", "Zone temperature in Celsius"},
    {"node_cooling_device_cur_state", "Current throttle state of the cooling device"},
    {"node_cooling_device_max_state", "Maximum throttle state of the cooling device"},
}};

// "3" of "thermal_zone3"; nothing of what is no zone.
std::string_view number_after(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  return !name.empty() && name.front() >= '0' && name.front() <= '9' ? name : std::string_view();
}

void read_zone(SysAttributes& sys, const std::string& zone, std::string_view number,
               bool compat_1_5, Families& families) {
  if (!compat_1_5 && sys.text(zone + "/mode").value_or("") == "disabled") return;
  const auto type = sys.text(zone + "/type");
  const auto temperature = sys.integer(zone + "/temp");
  if (!type || !temperature) return;
  families[kTemperature].samples.push_back(
      {{{"type", *type}, {"zone", std::string(number)}}, static_cast<double>(*temperature) / 1000});
}

void read_cooling(SysAttributes& sys, const std::string& device, std::string_view number,
                  Families& families) {
  const auto type = sys.text(device + "/type");
  const auto maximum = sys.integer(device + "/max_state");
  const auto current = sys.integer(device + "/cur_state");  // -1 of an idle intel_powerclamp
  if (!type || !maximum || !current) return;
  const SampleLabels labels{{"name", std::string(number)}, {"type", *type}};
  families[kCurrent].samples.push_back({labels, static_cast<double>(*current)});
  families[kMaximum].samples.push_back({labels, static_cast<double>(*maximum)});
}
}  // namespace

Result<Families> collect_thermal_zone(const HostFs& fs, const CollectorOptions& options) {
  SysAttributes sys(fs, "thermal_zone");
  Families families = empty_families(kRows);
  for (const std::string& name : sys.names(std::string(kDirectory))) {
    const std::string path = std::string(kDirectory) + '/' + name;
    if (const auto zone = number_after(name, "thermal_zone"); !zone.empty()) {
      read_zone(sys, path, zone, options.compat_1_5, families);
    } else if (const auto device = number_after(name, "cooling_device"); !device.empty()) {
      read_cooling(sys, path, device, families);
    }
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  return families;
}

}  // namespace muster::collector
