#include "collector/arp.h"

#include <map>
#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"arp", "/proc/net/arp"};
constexpr std::size_t kColumns = 6;  // the last is the device
}  // namespace

Result<Families> parse_arp(std::string_view arp_text, const Filter& devices) {
  const auto lines = split_lines(kSource, arp_text);
  if (!lines) return tl::unexpected(lines.error());
  if (!lines->front().starts_with("IP address")) {
    return refuse(kSource, "does not begin with its header line");
  }
  std::map<std::string_view, std::uint64_t> entries;
  for (std::size_t i = 1; i < lines->size(); ++i) {
    const auto fields = split_fields((*lines)[i]);
    if (fields.size() != kColumns) {
      return refuse_line(kSource, i, (*lines)[i], "does not hold 6 fields");
    }
    ++entries[fields.back()];
  }
  Family out = gauge("node_arp_entries", "ARP entries by device");
  for (const auto& [device, count] : entries) {
    if (!kept(devices, device)) continue;
    add_sample(out, {{"device", std::string(device)}}, static_cast<double>(count));
  }
  return Families{std::move(out)};
}

}  // namespace muster::collector
