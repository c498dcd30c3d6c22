#include "collector/vmstat.h"

#include <set>
#include <string>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"vmstat", "/proc/vmstat"};
constexpr std::size_t kFamiliesMax = 4096;  // many times what any kernel has
}  // namespace

Result<Families> parse_vmstat(std::string_view vmstat_text, const Filter& fields) {
  const auto lines = split_lines(kSource, vmstat_text);
  if (!lines) return tl::unexpected(lines.error());
  Families families;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    const std::string_view name = next_field(rest);
    const auto value = parse_count(next_field(rest));
    if (!value || !next_field(rest).empty()) {
      return refuse_line(kSource, i, (*lines)[i], "is not a name and a number");
    }
    if (!kept(fields, name)) continue;
    if (!is_metric_part(name)) {
      return refuse_line(kSource, i, (*lines)[i], "does not begin with a name");
    }
    if (!names.insert(name).second) {
      return refuse_line(kSource, i, (*lines)[i], "repeats the name of an earlier line");
    }
    if (names.size() > kFamiliesMax) return refuse(kSource, "has more lines than on any kernel");
    families.push_back({joined({"node_vmstat_", name}),
                        joined({"/proc/vmstat information field ", name, "."}),
                        MetricType::Untyped,
                        {{{}, static_cast<double>(*value)}}});
  }
  return families;
}

}  // namespace muster::collector
