// What do this machine's sensors say?
//
// Core, no state: /sys/class/hwmon/* in, node_hwmon_* by chip and sensor out. A chip's name is made
// of its device's path, as its number depends on the order in which modules were loaded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/collector.h"

namespace muster::collector {

// "temp1_crit_alarm" is temp, 1, "crit_alarm"; "beep_enable" is all type.
struct SensorFile {
  std::string_view type;
  unsigned number = 0;
  std::string_view property;
  bool operator==(const SensorFile&) const = default;
};
[[nodiscard]] std::optional<SensorFile> parse_sensor_file(std::string_view name);

// Small letters; what may not be in a metric's name becomes _, and _ at the ends is cut off.
[[nodiscard]] std::string clean_metric_name(std::string_view text);

// NotFound without /sys/class/hwmon. A sensor whose file holds no number is left out, as drivers
// have texts there. options: compat_1_5.
[[nodiscard]] Result<Families> collect_hwmon(const HostFs& fs, const CollectorOptions& options);

}  // namespace muster::collector
