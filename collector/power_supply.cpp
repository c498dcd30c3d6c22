#include "collector/power_supply.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>

#include "collector/family_table.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr std::string_view kDirectory = "/sys/class/power_supply";

struct Number {
  std::string_view file;
  std::string_view metric;  // empty: as the file
  double divisor = 1;       // the kernel counts in millionths, and in tenths of a degree
};
constexpr double kMicro = 1e6;
constexpr double kTenths = 10;
constexpr std::array<Number, 49> kNumbers{{
    {"authentic", ""},
    {"calibrate", ""},
    {"capacity", ""},
    {"capacity_alert_max", ""},
    {"capacity_alert_min", ""},
    {"charge_control_limit", "", kMicro},
    {"charge_control_limit_max", "", kMicro},
    {"charge_counter", "", kMicro},
    {"charge_empty", "", kMicro},
    {"charge_empty_design", "", kMicro},
    {"charge_full", "", kMicro},
    {"charge_full_design", "", kMicro},
    {"charge_now", "charge_ampere", kMicro},
    {"charge_term_current", "", kMicro},
    {"constant_charge_current", "", kMicro},
    {"constant_charge_current_max", "", kMicro},
    {"constant_charge_voltage", "", kMicro},
    {"constant_charge_voltage_max", "", kMicro},
    {"current_boot", "", kMicro},
    {"current_max", "", kMicro},
    {"current_now", "current_ampere", kMicro},
    {"cycle_count", "cyclecount"},
    {"energy_empty", "", kMicro},
    {"energy_empty_design", "", kMicro},
    {"energy_full", "", kMicro},
    {"energy_full_design", "", kMicro},
    {"energy_now", "energy_watthour", kMicro},
    {"input_current_limit", "", kMicro},
    {"online", ""},
    {"power_now", "power_watt", kMicro},
    {"precharge_current", "", kMicro},
    {"present", ""},
    {"temp", "temp_celsius", kTenths},
    {"temp_alert_max", "temp_alert_max_celsius", kTenths},
    {"temp_alert_min", "temp_alert_min_celsius", kTenths},
    {"temp_ambient", "temp_ambient_celsius", kTenths},
    {"temp_ambient_max", "temp_ambient_max_celsius", kTenths},
    {"temp_ambient_min", "temp_ambient_min_celsius", kTenths},
    {"temp_max", "temp_max_celsius", kTenths},
    {"temp_min", "temp_min_celsius", kTenths},
    {"time_to_empty_now", "time_to_empty_seconds"},
    {"time_to_full_now", "time_to_full_seconds"},
    {"voltage_boot", "", kMicro},
    {"voltage_max", "", kMicro},
    {"voltage_max_design", "", kMicro},
    {"voltage_min", "", kMicro},
    {"voltage_min_design", "", kMicro},
    {"voltage_now", "voltage_volt", kMicro},
    {"voltage_ocv", "", kMicro},
}};
constexpr std::array<std::string_view, 11> kTexts{
    "capacity_level", "charge_type", "health",     "manufacturer", "model_name", "scope",
    "serial_number",  "status",      "technology", "type",         "usb_type"};

void add_number(SysAttributes& sys, const std::string& path, const Number& number,
                const std::string& supply, NamedFamilies& families) {
  const auto value = sys.integer(path);
  if (!value) return;
  const std::string metric(number.metric.empty() ? number.file : number.metric);
  families.add("node_power_supply_" + metric,
               metric + " value of /sys/class/power_supply/<power_supply>.", MetricType::Gauge,
               {{"power_supply", supply}}, static_cast<double>(*value) / number.divisor);
}
}  // namespace

Result<Families> collect_power_supply(const HostFs& fs) {
  const auto supplies = fs.list(kDirectory);
  if (!supplies) return tl::unexpected(supplies.error());
  SysAttributes sys(fs, "powersupplyclass");
  NamedFamilies families;
  for (const std::string& supply : *supplies) {
    const std::string directory = std::string(kDirectory) + '/' + supply;
    const auto files = sys.names(directory);
    if (files.empty()) continue;
    SampleLabels labels{{"power_supply", supply}};
    for (const std::string& file : files) {
      const std::string path = directory + '/' + file;
      const auto number = std::find_if(kNumbers.begin(), kNumbers.end(),
                                       [&](const Number& each) { return each.file == file; });
      if (number != kNumbers.end()) {
        add_number(sys, path, *number, supply, families);
      } else if (std::find(kTexts.begin(), kTexts.end(), file) != kTexts.end()) {
        const std::string text = sys.text(path).value_or("");
        if (!text.empty()) labels.emplace_back(file, text);
      }
    }
    std::sort(labels.begin(), labels.end());
    families.add("node_power_supply_info", "info of /sys/class/power_supply/<power_supply>.",
                 MetricType::Gauge, std::move(labels), 1);
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  return families.take();
}

}  // namespace muster::collector
