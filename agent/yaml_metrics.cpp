#include "agent/yaml_metrics.h"

#include <cstddef>
#include <string>
#include <vector>

#include "agent/re2_filters.h"

namespace muster::agent {
namespace {

constexpr std::size_t kNamesMax = 128;

void read_names(const YamlNode& from, std::vector<std::string>& out) {
  for (const YamlNode& item : from.items(kNamesMax, "a list of names of collectors")) {
    item.read(out.emplace_back());
  }
}

void read_pattern(const YamlNode& from, std::string& out) {
  std::string pattern;
  if (!from.read(pattern)) return;
  if (const Status well = check_pattern(pattern); !well) {
    from.wrong(well.error().text);
  } else {
    out = pattern;
  }
}

void read_choice(const YamlNode& from, const std::string& of, Choice& out) {
  read_pattern(from.key(of + "_include"), out.include);
  read_pattern(from.key(of + "_exclude"), out.exclude);
}
}  // namespace

void read_metrics(const YamlNode& from, MetricsConfig& out) {
  from.key("listen").read_address(out.listen);
  from.key("web_config").read(out.web_config);
  from.key("procfs").read(out.procfs);
  from.key("sysfs").read(out.sysfs);
  from.key("rootfs").read(out.rootfs);
  read_names(from.key("enable"), out.enable);
  read_names(from.key("disable"), out.disable);
  from.key("deadline").read_duration(out.deadline);
  from.key("compat").read(out.compat);
  read_choice(from.key("arp"), "device", out.arp);
  from.key("cpu").key("info").read(out.cpu_info);
  read_choice(from.key("diskstats"), "device", out.diskstats);
  const YamlNode filesystem = from.key("filesystem");
  read_pattern(filesystem.key("mount_points_exclude"), out.mount_points_exclude);
  read_pattern(filesystem.key("fs_types_exclude"), out.fs_types_exclude);
  read_pattern(from.key("netclass").key("ignored_devices"), out.netclass_ignored);
  read_choice(from.key("netdev"), "device", out.netdev);
  read_pattern(from.key("netstat").key("fields"), out.netstat_fields);
  read_choice(from.key("systemd"), "unit", out.systemd);
  from.key("textfile").key("directory").read(out.textfile_directory);
  read_pattern(from.key("vmstat").key("fields"), out.vmstat_fields);
}

}  // namespace muster::agent
