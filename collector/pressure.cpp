#include "collector/pressure.h"

#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

struct Resource {
  std::string_view name;
  std::string_view waiting_help;  // empty: not shown
  std::string_view stalled_help;
};
constexpr std::array<Resource, 4> kResources{{
    {"cpu", "Total time in seconds that processes have waited for CPU time", ""},
    {"io", "Total time in seconds that processes have waited due to IO congestion",
     "Total time in seconds no process could make progress due to IO congestion"},
    {"irq", "", "Total time in seconds no process could make progress due to IRQ congestion"},
    {"memory", "Total time in seconds that processes have waited for memory",
     "Total time in seconds no process could make progress due to memory congestion"},
}};
constexpr std::string_view kIrq = "irq";

// The microseconds of the line "some ... total=N" or "full ... total=N".
std::optional<std::uint64_t> total(const std::vector<std::string_view>& lines,
                                   std::string_view kind) {
  constexpr std::string_view kTotal = "total=";
  for (std::string_view line : lines) {
    if (next_field(line) != kind) continue;
    for (std::string_view field = next_field(line); !field.empty(); field = next_field(line)) {
      if (field.starts_with(kTotal)) return parse_count(field.substr(kTotal.size()));
    }
  }
  return std::nullopt;
}

std::string path_of(std::string_view resource) {
  std::string path = "/proc/pressure/";
  return path.append(resource);
}
}  // namespace

Result<Duration> parse_cpu_waiting(std::string_view pressure_text) {
  constexpr std::uint64_t kMost = INT64_MAX / 1000;  // as nanoseconds
  const Source source{"pressure", "/proc/pressure/cpu"};
  const auto lines = split_lines(source, pressure_text);
  if (!lines) return tl::unexpected(lines.error());
  const auto waited = total(*lines, "some");
  if (!waited || *waited > kMost) {
    return refuse(source, "has no line `some ... total=MICROSECONDS`");
  }
  return std::chrono::microseconds(static_cast<std::int64_t>(*waited));
}

Result<Families> parse_pressure(std::string_view resource, std::string_view pressure_text) {
  const std::string path = path_of(resource);
  const Source source{"pressure", path};
  const auto lines = split_lines(source, pressure_text);
  if (!lines) return tl::unexpected(lines.error());
  Families families;
  for (const Resource& known : kResources) {
    if (known.name != resource) continue;
    for (const auto& [kind, what, help] :
         {std::array{std::string_view("full"), std::string_view("stalled"), known.stalled_help},
          std::array{std::string_view("some"), std::string_view("waiting"), known.waiting_help}}) {
      if (help.empty()) continue;
      const auto microseconds = total(*lines, kind);
      if (!microseconds) {
        std::string why = "has no line `";
        return refuse(source, why.append(kind) += " ... total=MICROSECONDS`");
      }
      std::string name = "node_pressure_";
      name.append(resource).append("_").append(what) += "_seconds_total";
      families.push_back(counter(std::move(name), std::string(help),
                                 static_cast<double>(*microseconds) / 1000.0 / 1000.0));
    }
  }
  return families;
}

Result<Families> collect_pressure(const HostFs& fs, bool compat_1_5) {
  Families all;
  std::optional<Error> missing;
  for (const Resource& resource : kResources) {
    if (compat_1_5 && resource.name == kIrq) continue;
    const auto text = fs.read(path_of(resource.name));
    if (!text && text.error().code == Code::NotFound) {
      if (!missing) missing = text.error();
      continue;
    }
    if (!text) return tl::unexpected(text.error());
    auto families = parse_pressure(resource.name, *text);
    if (!families) return families;
    std::move(families->begin(), families->end(), std::back_inserter(all));
  }
  if (all.empty() && missing) return tl::unexpected(*missing);
  return all;
}

}  // namespace muster::collector
