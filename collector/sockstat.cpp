#include "collector/sockstat.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr std::string_view kSockets = "sockets";  // the line that belongs to no protocol
constexpr std::array<std::string_view, 6> kStates{"alloc",  "inuse",  "mem",
                                                  "memory", "orphan", "tw"};
constexpr std::size_t kFamiliesMax = 256;

Family in_state(std::string_view protocol, std::string_view state, double value) {
  std::string name = "node_sockstat_";
  name.append(protocol).append("_").append(state);
  std::string help = "Number of ";
  help.append(protocol).append(" sockets in state ").append(state) += '.';
  return gauge(std::move(name), std::move(help), value);
}

bool known(std::string_view state) {
  return std::find(kStates.begin(), kStates.end(), state) != kStates.end();
}
}  // namespace

Result<Families> parse_sockstat(std::string_view path, std::string_view sockstat_text,
                                std::uint64_t page_bytes) {
  const Source source{"sockstat", path};
  const auto lines = split_lines(source, sockstat_text);
  if (!lines) return tl::unexpected(lines.error());
  Families families;
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    std::string_view protocol = next_field(rest);
    const bool ends = protocol.ends_with(':');
    protocol.remove_suffix(ends ? 1 : 0);
    if (!ends || !is_metric_part(protocol)) {
      return refuse_line(source, i, (*lines)[i], "does not begin with a protocol and a colon");
    }
    for (std::string_view state = next_field(rest); !state.empty(); state = next_field(rest)) {
      const auto value = parse_count(next_field(rest));
      if (!value) return refuse_line(source, i, (*lines)[i], "has a state without a number");
      if (!seen.emplace(protocol, state).second) {
        return refuse_line(source, i, (*lines)[i], "says something for the second time");
      }
      if (seen.size() > kFamiliesMax) return refuse(source, "has more states than any kernel");
      const auto amount = static_cast<double>(*value);
      if (protocol == kSockets && state == "used") {
        families.push_back(
            gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.", amount));
      } else if (protocol != kSockets && known(state)) {
        families.push_back(in_state(protocol, state, amount));
        if (state != "mem") continue;
        families.push_back(
            in_state(protocol, "mem_bytes", amount * static_cast<double>(page_bytes)));
      }
    }
  }
  return families;
}

Result<Families> collect_sockstat(const HostFs& fs) {
  Families all;
  for (const std::string_view path : {"/proc/net/sockstat", "/proc/net/sockstat6"}) {
    const auto text = fs.read(path);
    if (!text && text.error().code == Code::NotFound) continue;
    if (!text) return tl::unexpected(text.error());
    auto families = parse_sockstat(path, *text, fs.page_bytes());
    if (!families) return families;
    std::move(families->begin(), families->end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace muster::collector
