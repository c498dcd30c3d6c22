#include "collector/load.h"

#include <array>
#include <string>

#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"loadavg", "/proc/loadavg"};
constexpr std::array<std::string_view, 3> kMinutes{"1", "5", "15"};
constexpr std::size_t kFields = 5;
}  // namespace

Result<Families> parse_load(std::string_view loadavg_text) {
  const auto lines = split_lines(kSource, loadavg_text);
  if (!lines) return tl::unexpected(lines.error());
  const std::string_view line = lines->front();
  const auto fields = split_fields(line);
  if (lines->size() != 1 || fields.size() != kFields) {
    return refuse_line(kSource, 0, line, "is not the one line of 5 fields that was expected");
  }
  Families families;
  for (std::size_t i = 0; i < kMinutes.size(); ++i) {
    const auto value = parse_decimal(fields[i]);
    if (!value) return refuse_line(kSource, 0, line, "does not begin with three averages");
    const std::string minutes(kMinutes[i]);
    families.push_back(
        {"node_load" + minutes, minutes + "m load average.", MetricType::Gauge, {{{}, *value}}});
  }
  return families;
}

}  // namespace muster::collector
