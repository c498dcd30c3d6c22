#include "collector/netclass.h"

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "collector/family_table.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr std::string_view kDirectory = "/sys/class/net";

struct Number {
  std::string_view file;
  std::string_view metric;
  MetricType type = MetricType::Gauge;
};
constexpr std::array<Number, 16> kNumbers{{
    {"addr_assign_type", "address_assign_type"},
    {"carrier", "carrier"},
    {"carrier_changes", "carrier_changes_total", MetricType::Counter},
    {"carrier_up_count", "carrier_up_changes_total", MetricType::Counter},
    {"carrier_down_count", "carrier_down_changes_total", MetricType::Counter},
    {"dev_id", "device_id"},
    {"dormant", "dormant"},
    {"ifindex", "iface_id"},
    {"iflink", "iface_link"},
    {"link_mode", "iface_link_mode"},
    {"mtu", "mtu_bytes"},
    {"name_assign_type", "name_assign_type"},
    {"netdev_group", "net_dev_group"},
    {"speed", "speed_bytes"},
    {"tx_queue_len", "transmit_queue_length"},
    {"type", "protocol_type"},
}};
constexpr std::int64_t kUp = 1;  // IFF_UP

Family empty_family(std::string_view metric, MetricType type) {
  Family family{"node_network_", "Network device property: ", type, {}};
  family.name += metric;
  family.help += metric;
  return family;
}

// The kernel says megabits a second, and -1 when it does not know, which stays negative.
double bytes_per_second(std::int64_t megabits) {
  return std::trunc(static_cast<double>(megabits) * 1e6 / 8);
}

// What is read of a device: the texts, then the flags and the numbers.
enum Text : std::size_t { kOperstate, kAddress, kBroadcast, kDuplex, kIfalias, kFlags, kTexts };
constexpr std::array<std::string_view, kTexts> kTextFiles{"operstate", "address", "broadcast",
                                                          "duplex",    "ifalias", "flags"};
constexpr std::array<std::string_view, kTexts + kNumbers.size()> kFiles = [] {
  std::array<std::string_view, kTexts + kNumbers.size()> files;
  for (std::size_t i = 0; i < kTexts; ++i) files[i] = kTextFiles[i];
  for (std::size_t i = 0; i < kNumbers.size(); ++i) files[kTexts + i] = kNumbers[i].file;
  return files;
}();
using Texts = std::vector<std::optional<std::string>>;  // in the order of kFiles

SampleLabels info_labels(const std::string& device, const Texts& texts,
                         const std::optional<std::int64_t>& flags, bool compat_1_5) {
  SampleLabels labels;
  labels.reserve(7);
  labels.emplace_back("address", texts[kAddress].value_or(""));
  if (!compat_1_5) {
    const char* const admin = !flags ? "unknown" : (*flags & kUp) != 0 ? "up" : "down";
    labels.emplace_back("adminstate", admin);
  }
  labels.emplace_back("broadcast", texts[kBroadcast].value_or(""));
  labels.emplace_back("device", device);
  labels.emplace_back("duplex", texts[kDuplex].value_or(""));
  labels.emplace_back("ifalias", texts[kIfalias].value_or(""));
  labels.emplace_back("operstate", *texts[kOperstate]);
  return labels;
}
}  // namespace

Result<Families> collect_netclass(const HostFs& fs, const CollectorOptions& options) {
  const auto devices = fs.list(kDirectory);
  if (!devices) return tl::unexpected(devices.error());
  Family up{
      "node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", MetricType::Gauge, {}};
  Family info{"node_network_info",
              "Non-numeric data from /sys/class/net/<iface>, value is always 1.",
              MetricType::Gauge,
              {}};
  Family flag = empty_family("flags", MetricType::Gauge);
  Families families;
  for (const Number& number : kNumbers)
    families.push_back(empty_family(number.metric, number.type));

  SysAttributes sys(fs, "netclass");
  for (const std::string& device : *devices) {
    if (!kept(options.netclass_devices, device)) continue;
    const std::string directory = std::string(kDirectory) + '/' + device;
    const Texts texts = sys.texts(directory, kFiles);
    if (!texts[kOperstate]) continue;  // gone, or no device at all: bonding_masters is a file
    const auto number = [&](std::size_t file) -> std::optional<std::int64_t> {
      if (!texts[file]) return std::nullopt;
      return sys.integer(directory + '/' + std::string(kFiles[file]), *texts[file]);
    };
    const SampleLabels labels{{"device", device}};
    const auto flags = number(kFlags);
    up.samples.push_back({labels, *texts[kOperstate] == "up" ? 1.0 : 0.0});
    info.samples.push_back({info_labels(device, texts, flags, options.compat_1_5), 1});
    if (flags) flag.samples.push_back({labels, static_cast<double>(*flags)});
    for (std::size_t i = 0; i < kNumbers.size(); ++i) {
      const auto value = number(kTexts + i);
      if (!value) continue;
      const bool is_speed = kNumbers[i].file == "speed";
      families[i].samples.push_back(
          {labels, is_speed ? bytes_per_second(*value) : static_cast<double>(*value)});
    }
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  families.push_back(std::move(flag));
  families.push_back(std::move(info));
  families.push_back(std::move(up));
  return families;
}

}  // namespace muster::collector
