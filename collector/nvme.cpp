#include "collector/nvme.h"

#include <string>
#include <string_view>
#include <utility>

#include "collector/family_table.h"
#include "collector/sys_attributes.h"

namespace muster::collector {

Result<Families> collect_nvme(const HostFs& fs, const CollectorOptions& options) {
  constexpr std::string_view kDirectory = "/sys/class/nvme";
  const auto devices = fs.list(kDirectory);
  if (!devices) return tl::unexpected(devices.error());
  Family info{"node_nvme_info",
              "Non-numeric data from /sys/class/nvme/<device>, value is always 1.",
              MetricType::Gauge,
              {}};
  SysAttributes sys(fs, "nvme");
  for (const std::string& device : *devices) {
    const std::string directory = std::string(kDirectory) + '/' + device;
    const auto model = sys.text(directory + "/model");
    const auto revision = sys.text(directory + "/firmware_rev");
    const auto serial = sys.text(directory + "/serial");
    const auto state = sys.text(directory + "/state");
    if (!model && !revision && !serial && !state) continue;
    SampleLabels labels{{"device", device},
                        {"firmware_revision", revision.value_or("")},
                        {"model", model.value_or("")},
                        {"serial", serial.value_or("")},
                        {"state", state.value_or("")}};
    if (!options.compat_1_5) {
      labels.insert(labels.begin(), {"cntlid", sys.text(directory + "/cntlid").value_or("")});
    }
    info.samples.push_back({std::move(labels), 1});
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  return Families{std::move(info)};
}

}  // namespace muster::collector
