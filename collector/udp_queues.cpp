#include "collector/udp_queues.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr std::size_t kQueuesColumn = 4;  // sl, local_address, rem_address, st, tx_queue:rx_queue

struct Version {
  std::string_view path;
  std::string_view label;
};
constexpr std::array<Version, 2> kVersions{{{"/proc/net/udp", "v4"}, {"/proc/net/udp6", "v6"}}};
}  // namespace

Result<UdpQueues> parse_udp(std::string_view path, std::string_view udp_text) {
  const Source source{"udp_queues", path};
  const auto lines = split_lines(source, udp_text);
  if (!lines) return tl::unexpected(lines.error());
  if (lines->front().find("tx_queue") == std::string_view::npos) {
    return refuse(source, "does not begin with its header line");
  }
  UdpQueues queues;
  for (std::size_t i = 1; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    for (std::size_t column = 0; column < kQueuesColumn; ++column) (void)next_field(rest);
    const std::string_view both = next_field(rest);
    const std::size_t colon = both.find(':');
    const auto send = parse_hex(both.substr(0, colon));
    const auto receive =
        colon == std::string_view::npos ? std::nullopt : parse_hex(both.substr(colon + 1));
    if (!send || !receive) {
      return refuse_line(source, i, (*lines)[i], "has no tx_queue:rx_queue in its place");
    }
    queues.send += *send;
    queues.receive += *receive;
  }
  return queues;
}

Result<Families> collect_udp_queues(const HostFs& fs) {
  Family out = gauge("node_udp_queues",
                     "Number of allocated memory in the kernel for UDP datagrams in bytes.");
  std::optional<Error> missing;
  for (const auto& [path, label] : kVersions) {
    const auto text = fs.read(path);
    if (!text && text.error().code == Code::NotFound) {
      missing = text.error();
      continue;
    }
    if (!text) return tl::unexpected(text.error());
    const auto queues = parse_udp(path, *text);
    if (!queues) return tl::unexpected(queues.error());
    const std::string ip(label);
    add_sample(out, {{"ip", ip}, {"queue", "rx"}}, static_cast<double>(queues->receive));
    add_sample(out, {{"ip", ip}, {"queue", "tx"}}, static_cast<double>(queues->send));
  }
  if (out.samples.empty()) return tl::unexpected(*missing);
  return Families{std::move(out)};
}

}  // namespace muster::collector
