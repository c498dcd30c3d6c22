#include "collector/time.h"

#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"time", "/sys/devices/system/clocksource"};
constexpr std::size_t kSourcesMax = 64;  // of clocks; any machine has fewer

// Adds those of one device, say clocksource0, which is `number` as a label.
Status add_clocks(const HostFs& fs, const std::string& device, const std::string& number,
                  Family& available, Family& current) {
  const std::string directory = std::string(kSource.path) + '/' + device;
  const auto all = fs.read(directory + "/available_clocksource");
  if (!all) return tl::unexpected(all.error());
  const auto names = split_fields(trimmed(*all));
  if (names.empty() || names.size() > kSourcesMax) {
    return refuse({kSource.collector, directory}, "has no sensible available_clocksource");
  }
  for (const std::string_view name : names) {
    add_sample(available, {{"clocksource", std::string(name)}, {"device", number}}, 1);
  }
  const auto chosen = fs.read(directory + "/current_clocksource");
  if (!chosen) return tl::unexpected(chosen.error());
  const auto one = split_fields(trimmed(*chosen));
  if (one.size() != 1) {
    return refuse({kSource.collector, directory}, "has no sensible current_clocksource");
  }
  add_sample(current, {{"clocksource", std::string(one[0])}, {"device", number}}, 1);
  return {};
}
}  // namespace

Result<Families> collect_time(const HostFs& fs) {
  Family available = gauge("node_time_clocksource_available_info",
                           "Available clocksources read from '/sys/devices/system/clocksource'.");
  Family current = gauge("node_time_clocksource_current_info",
                         "Current clocksource read from '/sys/devices/system/clocksource'.");
  const auto listed = fs.list(kSource.path);
  if (!listed && listed.error().code != Code::NotFound) return tl::unexpected(listed.error());
  std::size_t number = 0;
  for (const std::string& device : listed ? *listed : std::vector<std::string>()) {
    constexpr std::string_view kName = "clocksource";
    if (!device.starts_with(kName) || device.size() == kName.size()) continue;
    const auto added = add_clocks(fs, device, std::to_string(number++), available, current);
    // One that went away since it was listed is left out.
    if (!added && added.error().code != Code::NotFound) return tl::unexpected(added.error());
  }
  Family offset = gauge("node_time_zone_offset_seconds", "System time zone offset in seconds.");
  const Zone zone = fs.zone();
  add_sample(offset, {{"time_zone", zone.name}}, zone.offset_s);
  return families_of(std::move(available), std::move(current),
                     gauge("node_time_seconds", "System time in seconds since epoch (1970).",
                           static_cast<double>(fs.now()) / 1e9),
                     std::move(offset));
}

}  // namespace muster::collector
