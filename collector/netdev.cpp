#include "collector/netdev.h"

#include <array>
#include <set>
#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"netdev", "/proc/net/dev"};
constexpr std::size_t kHeaderLines = 2;

// In the order of the file's columns. The kernel has already summed drop (dropped and missed),
// frame (length, over, crc, frame) and carrier (carrier, aborted, window, heartbeat).
constexpr std::array<std::string_view, 16> kColumns{
    "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
    "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
    "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
    "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed"};

Family empty_family(std::string_view column) {
  std::string name = "node_network_";
  (name += column) += "_total";
  std::string help = "Network device statistic ";
  (help += column) += '.';
  return {std::move(name), std::move(help), MetricType::Counter, {}};
}

Families empty_families() {
  Families families;
  for (const std::string_view column : kColumns) families.push_back(empty_family(column));
  return families;
}
}  // namespace

Result<Families> parse_netdev(std::string_view net_dev_text, const Filter& wanted) {
  const auto lines = split_lines(kSource, net_dev_text);
  if (!lines) return tl::unexpected(lines.error());
  if (lines->size() < kHeaderLines || !(*lines)[0].starts_with("Inter-|") ||
      (*lines)[1].find("face") == std::string_view::npos) {
    return refuse(kSource, "does not begin with its two header lines");
  }
  static const Families kEmpty = empty_families();
  Families families = kEmpty;
  for (Family& family : families) family.samples.reserve(lines->size() - kHeaderLines);
  std::set<std::string_view> devices;
  for (std::size_t i = kHeaderLines; i < lines->size(); ++i) {
    const std::string_view line = (*lines)[i];
    const std::size_t colon = line.rfind(':');  // a device's name may hold colons itself
    std::string_view head = line.substr(0, colon == std::string_view::npos ? 0 : colon);
    const std::string_view device = next_field(head);
    if (device.empty()) return refuse_line(kSource, i, line, "names no device");
    if (!devices.insert(device).second) {
      return refuse_line(kSource, i, line, "names a device for the second time");
    }
    const bool shown = kept(wanted, device);
    std::string_view rest = line.substr(colon + 1);
    for (Family& family : families) {
      const auto value = parse_count(next_field(rest));
      if (!value) return refuse_line(kSource, i, line, "does not hold 16 counters");
      if (shown) add_sample(family, {{"device", std::string(device)}}, static_cast<double>(*value));
    }
  }
  if (devices.empty()) return refuse(kSource, "has no line of a device");
  return families;
}

Result<Families> collect_netdev(const HostFs& fs, const Filter& devices) {
  const auto text = fs.read(kSource.path);
  if (!text) return tl::unexpected(text.error());
  auto families = parse_netdev(*text, devices);
  if (!families) return families;
  SysAttributes sys(fs, kSource.collector);
  Family nohandler = empty_family("receive_nohandler");
  for (const Sample& sample : families->front().samples) {
    const std::string& device = sample.labels.front().second;
    const auto value = sys.count("/sys/class/net/" + device + "/statistics/rx_nohandler");
    if (value) nohandler.samples.push_back({sample.labels, static_cast<double>(*value)});
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  families->push_back(std::move(nohandler));
  return families;
}

}  // namespace muster::collector
