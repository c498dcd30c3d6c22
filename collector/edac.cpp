#include "collector/edac.h"

#include <array>
#include <string>
#include <string_view>

#include "collector/family_table.h"
#include "collector/proc_text.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr std::string_view kDirectory = "/sys/devices/system/edac/mc";

enum Row : std::size_t { kCorrectable, kUncorrectable, kRowCorrectable, kRowUncorrectable };
constexpr std::array<FamilyRow, 4> kRows{{
    {"node_edac_correctable_errors_total", "Total correctable memory errors.", MetricType::Counter},
    {"node_edac_uncorrectable_errors_total", "Total uncorrectable memory errors.",
     MetricType::Counter},
    {"node_edac_csrow_correctable_errors_total", "Total correctable memory errors for this csrow.",
     MetricType::Counter},
    {"node_edac_csrow_uncorrectable_errors_total",
     "Total uncorrectable memory errors for this csrow.", MetricType::Counter},
}};

// "12" of "mc12"; empty when that is not what the name says.
std::string number_after(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !parse_count(name.substr(prefix.size()))) return {};
  return std::string(name.substr(prefix.size()));
}
}  // namespace

Result<Families> collect_edac(const HostFs& fs) {
  SysAttributes sys(fs, "edac");
  Families families = empty_families(kRows);
  for (const std::string& entry : sys.names(std::string(kDirectory))) {
    const std::string controller = number_after(entry, "mc");
    if (controller.empty()) continue;
    const std::string directory = std::string(kDirectory) + '/' + entry;
    const auto add = [&](Row row, const std::string& file, const std::string& csrow) {
      const auto value = sys.count(directory + '/' + file);
      if (!value) return;
      SampleLabels labels{{"controller", controller}};
      if (!csrow.empty()) labels.emplace_back("csrow", csrow);
      families[row].samples.push_back({std::move(labels), static_cast<double>(*value)});
    };
    add(kCorrectable, "ce_count", "");
    add(kRowCorrectable, "ce_noinfo_count", "unknown");
    add(kUncorrectable, "ue_count", "");
    add(kRowUncorrectable, "ue_noinfo_count", "unknown");
    for (const std::string& row : sys.names(directory)) {
      const std::string csrow = number_after(row, "csrow");
      if (csrow.empty()) continue;
      add(kRowCorrectable, row + "/ce_count", csrow);
      add(kRowUncorrectable, row + "/ue_count", csrow);
    }
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  return families;
}

}  // namespace muster::collector
