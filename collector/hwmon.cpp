#include "collector/hwmon.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "collector/family_table.h"
#include "collector/proc_text.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr std::string_view kDirectory = "/sys/class/hwmon";
constexpr std::array<std::string_view, 14> kTypes{
    "beep_enable", "cpu", "curr", "energy",          "fan", "freq", "humidity", "in", "intrusion",
    "power",       "pwm", "temp", "update_interval", "vrm"};

using Properties = std::map<std::string, std::string, std::less<>>;
struct Sensor {
  std::string type;
  Properties properties;
};
using Sensors = std::map<std::string, Sensor>;  // by type and number, "temp1"

struct Metric {
  std::string name;
  std::string help;
  double value = 0;
  MetricType type = MetricType::Gauge;
};

void read_sensors(SysAttributes& sys, const std::string& directory, bool compat_1_5,
                  Sensors& sensors) {
  for (const std::string& name : sys.names(directory)) {
    const auto file = parse_sensor_file(name);
    if (!file || std::find(kTypes.begin(), kTypes.end(), file->type) == kTypes.end()) continue;
    if (compat_1_5 && file->type == "freq") continue;
    auto value = sys.text(directory + '/' + name);
    if (!value) continue;
    std::string sensor(file->type);
    sensor += std::to_string(file->number);
    Sensor& slot = sensors[sensor];
    slot.type = file->type;
    slot.properties[std::string(file->property)] = std::move(*value);
  }
}

// "platform_coretemp_0" of ".../devices/platform/coretemp.0", else the file "name", else "hwmon3".
std::string chip_name(const HostFs& fs, const std::string& directory,
                      const std::optional<std::string>& name) {
  const auto own = fs.link(directory);
  const std::string real = own ? resolved(kDirectory, *own) : directory;
  if (const auto device = fs.link(directory + "/device"); device) {
    const std::string path = resolved(real, *device);
    const std::string bus = clean_metric_name(base_name(path.substr(0, path.rfind('/'))));
    const std::string unit = clean_metric_name(base_name(path));
    if (!bus.empty() && !unit.empty()) return bus + "_" + unit;
    if (!unit.empty()) return unit;
  }
  const std::string cleaned = clean_metric_name(name.value_or(""));
  return cleaned.empty() ? clean_metric_name(base_name(real)) : cleaned;
}

std::string about(std::string_view text, std::string_view property) {
  std::string help(text);
  ((help += " (") += property) += ')';
  return help;
}

// The unit that a property's value is shown in, by the kernel's rules for names in this class.
Metric in_unit(const std::string& type, std::string_view property, std::string name, double value) {
  if (type == "in" || type == "cpu") {
    return {name + "_volts", about("Hardware monitor for voltage", property), value * 0.001};
  }
  if (type == "temp" && property != "type") {
    return {name + "_celsius",
            about("Hardware monitor for temperature", property.empty() ? "input" : property),
            value * 0.001};
  }
  if (type == "curr") {
    return {name + "_amps", about("Hardware monitor for current", property), value * 0.001};
  }
  if (type == "energy") {
    return {name + "_joule_total", about("Hardware monitor for joules used so far", property),
            value / 1e6, MetricType::Counter};
  }
  if (type == "power" && property == "accuracy") {
    return {name, "Hardware monitor power meter accuracy, as a ratio", value / 1e6};
  }
  if (type == "power" && (property == "average_interval" || property == "average_interval_min" ||
                          property == "average_interval_max")) {
    return {name + "_seconds", about("Hardware monitor power usage update interval", property),
            value * 0.001};
  }
  if (type == "power") {
    return {name + "_watt", about("Hardware monitor for power usage in watts", property),
            value / 1e6};
  }
  if (type == "humidity") {
    return {name,
            about("Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the "
                  "humidity as a percentage)",
                  property),
            value / 1e6};
  }
  if (type == "fan" &&
      (property == "input" || property == "min" || property == "max" || property == "target")) {
    return {name + "_rpm", about("Hardware monitor for fan revolutions per minute", property),
            value};
  }
  std::string help = "Hardware monitor ";
  ((help += type) += " element ") += property;
  return {std::move(name), std::move(help), value};
}

// Nothing when the value is no number.
std::optional<Metric> metric_of(const Sensor& sensor, std::string_view property,
                                std::string_view text) {
  const auto value = parse_float(text);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  std::string name = "node_hwmon_" + sensor.type;
  if (property == "input") {  // is the value itself, unless there is a file without property
    if (sensor.properties.contains("")) name += "_input";
  } else if (!property.empty()) {
    (name += '_') += clean_metric_name(property);
  }
  if (property == "fault" || property == "alarm") {
    std::string help = "Hardware sensor ";
    help += property;
    return Metric{std::move(name), about(help + " status", sensor.type), *value};
  }
  if (property == "beep") {
    return Metric{name + "_enabled", "Hardware monitor sensor has beeping enabled", *value};
  }
  return in_unit(sensor.type, property, std::move(name), *value);
}

// Types of which the whole sensor is one metric.
std::optional<Metric> whole_metric(const Sensor& sensor) {
  const auto text = sensor.properties.find("");
  // Of two types, the text would be that of a copy which is gone by the next line.
  const std::string_view value =
      text == sensor.properties.end() ? std::string_view() : std::string_view(text->second);
  if (sensor.type == "beep_enable") {
    return Metric{"node_hwmon_beep_enabled", "Hardware beep enabled", value == "1" ? 1.0 : 0.0};
  }
  const auto number = parse_float(value);
  if (!number || !std::isfinite(*number)) return std::nullopt;
  if (sensor.type == "vrm") {
    return Metric{"node_hwmon_voltage_regulator_version", "Hardware voltage regulator", *number};
  }
  return Metric{"node_hwmon_update_interval_seconds", "Hardware monitor update interval",
                *number * 0.001};
}

bool is_whole(std::string_view type) {
  return type == "beep_enable" || type == "vrm" || type == "update_interval";
}

void show(const std::string& chip, const std::string& name, const Sensor& sensor,
          NamedFamilies& families) {
  const auto add = [&](const Metric& metric, const std::string& label) {
    families.add(metric.name, metric.help, metric.type, {{"chip", chip}, {"sensor", label}},
                 metric.value);
  };
  const auto label = sensor.properties.find("label");
  const bool labelled = label != sensor.properties.end();
  if (labelled) {
    families.add("node_hwmon_sensor_label", "Label for given chip and sensor", MetricType::Gauge,
                 {{"chip", chip}, {"label", label->second}, {"sensor", name}}, 1);
  }
  if (is_whole(sensor.type)) {
    if (const auto metric = whole_metric(sensor)) add(*metric, name);
    return;
  }
  for (const auto& [property, text] : sensor.properties) {
    if (property == "label") continue;
    const auto metric = metric_of(sensor, property, text);
    if (!metric) continue;
    if (sensor.type == "freq" && property == "input") {  // of graphics chips, which name it
      if (!labelled) continue;
      add({metric->name + "_freq_mhz", "Hardware monitor for GPU frequency in MHz",
           metric->value / 1e6},
          clean_metric_name(label->second));
    } else {
      add(*metric, name);
    }
  }
}
}  // namespace

std::optional<SensorFile> parse_sensor_file(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789";
  SensorFile file;
  const std::size_t digits = std::min(name.find_first_of(kDigits), name.size());
  file.type = name.substr(0, digits);
  std::string_view rest = name.substr(digits);
  if (file.type.empty()) return std::nullopt;
  if (rest.empty()) return file;
  const std::size_t end = std::min(rest.find_first_not_of(kDigits), rest.size());
  const auto number = parse_count(rest.substr(0, end));
  if (!number || *number > 1'000'000) return std::nullopt;
  file.number = static_cast<unsigned>(*number);
  rest.remove_prefix(end);
  if (rest.empty()) return file;
  if (rest.size() < 2 || rest.front() != '_') return std::nullopt;
  file.property = rest.substr(1);
  return file;
}

std::string clean_metric_name(std::string_view text) {
  std::string name;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '_';
    name += fits ? c : '_';
  }
  const std::size_t begin = name.find_first_not_of('_');
  if (begin == std::string::npos) return {};
  return name.substr(begin, name.find_last_not_of('_') + 1 - begin);
}

Result<Families> collect_hwmon(const HostFs& fs, const CollectorOptions& options) {
  const auto chips = fs.list(kDirectory);
  if (!chips) return tl::unexpected(chips.error());
  SysAttributes sys(fs, "hwmon");
  NamedFamilies families;
  std::map<std::string, Sensors> by_chip;  // two entries may be of one device: their sensors join
  std::set<std::pair<std::string, std::string>> names;
  for (const std::string& entry : *chips) {
    const std::string directory = std::string(kDirectory) + '/' + entry;
    const auto name = sys.text(directory + "/name");
    const std::string chip = chip_name(fs, directory, name);
    Sensors& sensors = by_chip[chip];
    read_sensors(sys, directory, options.compat_1_5, sensors);
    read_sensors(sys, directory + "/device", options.compat_1_5, sensors);
    const std::string readable = clean_metric_name(name.value_or(""));
    if (!readable.empty() && names.emplace(chip, readable).second) {
      families.add("node_hwmon_chip_names", "Annotation metric for human-readable chip names",
                   MetricType::Gauge, {{"chip", chip}, {"chip_name", readable}}, 1);
    }
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  for (const auto& [chip, sensors] : by_chip) {
    for (const auto& [name, sensor] : sensors) show(chip, name, sensor, families);
  }
  return families.take();
}

}  // namespace muster::collector
