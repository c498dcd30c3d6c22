#include "collector/dmi.h"

#include <array>
#include <string>
#include <string_view>

#include "collector/family_table.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr std::string_view kDirectory = "/sys/class/dmi/id";

constexpr std::array<std::string_view, 20> kLabels{
    "bios_date",      "bios_release",   "bios_vendor",     "bios_version",    "board_asset_tag",
    "board_name",     "board_serial",   "board_vendor",    "board_version",   "chassis_asset_tag",
    "chassis_serial", "chassis_vendor", "chassis_version", "product_family",  "product_name",
    "product_serial", "product_sku",    "product_uuid",    "product_version", "system_vendor"};
constexpr std::string_view kHelp =
    "A metric with a constant '1' value labeled by bios_date, bios_release, bios_vendor, "
    "bios_version, board_asset_tag, board_name, board_serial, board_vendor, board_version, "
    "chassis_asset_tag, chassis_serial, chassis_vendor, chassis_version, product_family, "
    "product_name, product_serial, product_sku, product_uuid, product_version, system_vendor if "
    "provided by DMI.";
}  // namespace

Result<Families> collect_dmi(const HostFs& fs) {
  const auto names = fs.list(kDirectory);
  if (!names) return tl::unexpected(names.error());
  SysAttributes sys(fs, "dmi");
  SampleLabels labels;
  for (const std::string_view label : kLabels) {
    const std::string_view file = label == "system_vendor" ? "sys_vendor" : label;
    std::string path(kDirectory);
    (path += '/') += file;
    if (auto value = sys.text(path)) labels.emplace_back(label, std::move(*value));
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  if (labels.empty()) {
    return fail(Code::NotFound, "collector dmi: " + std::string(kDirectory) + " tells nothing");
  }
  return Families{{"node_dmi_info", std::string(kHelp), MetricType::Gauge, {{labels, 1}}}};
}

}  // namespace muster::collector
