#include "collector/bonding.h"

#include <string>
#include <string_view>

#include "collector/family_table.h"
#include "collector/proc_text.h"
#include "collector/sys_attributes.h"

namespace muster::collector {

Result<Families> collect_bonding(const HostFs& fs) {
  constexpr std::string_view kDirectory = "/sys/class/net/";
  const auto masters = fs.read(std::string(kDirectory) + "bonding_masters");
  if (!masters) return tl::unexpected(masters.error());
  Family slaves{"node_bonding_slaves",
                "Number of configured slaves per bonding interface.",
                MetricType::Gauge,
                {}};
  Family active{"node_bonding_active",
                "Number of active slaves per bonding interface.",
                MetricType::Gauge,
                {}};
  SysAttributes sys(fs, "bonding");
  std::string_view names = trimmed(*masters);
  for (std::string_view master = next_field(names); !master.empty(); master = next_field(names)) {
    std::string directory(kDirectory);
    (directory += master) += '/';
    const auto listed = sys.text(directory + "bonding/slaves");
    if (!listed) continue;
    double all = 0;
    double up = 0;
    std::string_view rest = *listed;
    for (std::string_view slave = next_field(rest); !slave.empty(); slave = next_field(rest)) {
      const std::string status = std::string(slave) + "/bonding_slave/mii_status";
      auto link = sys.text((directory + "lower_").append(status));
      if (!link) link = sys.text((directory + "slave_").append(status));  // before Linux 3.18
      if (!link) continue;
      ++all;
      up += *link == "up" ? 1 : 0;
    }
    slaves.samples.push_back({{{"master", std::string(master)}}, all});
    active.samples.push_back({{{"master", std::string(master)}}, up});
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  return Families{std::move(active), std::move(slaves)};
}

}  // namespace muster::collector
