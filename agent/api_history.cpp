#include "agent/api_history.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "agent/api_json.h"
#include "base/problem.h"
#include "base/quantity.h"
#include "collector/history_series.h"

namespace muster::agent {
namespace {

using nlohmann::json;

constexpr Duration kStepMin = std::chrono::seconds(1);
constexpr Duration kFineStep = std::chrono::seconds(60);
constexpr std::int64_t kPointsWanted = 1440;

std::int64_t ms(WallTime time) { return time.time_since_epoch().count(); }
std::int64_t ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// The shortest text of each number: as double they would be printed with digits that were never
// measured.
void append_values(std::string& out, const char* key, const std::vector<float>& values) {
  out += '"';
  out += key;
  out += "\":[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    if (!std::isfinite(values[i])) {
      out += "null";
      continue;
    }
    char text[32];
    const auto [end, error] = std::to_chars(text, text + sizeof text, values[i]);
    out.append(text, error == std::errc() ? end : text);
  }
  out += ']';
}

}  // namespace

Duration fitting_step(Duration since, Duration interval) {
  Duration step = std::max(interval, kStepMin);
  while (since / step > kPointsWanted) step = std::max(step * 2, kFineStep);
  return step;
}

std::string no_such_series(const std::string& name) {
  return "there is no series " + in_quotes(name) +
         ": `muster history NODE` (GET /v1/history/series) lists all";
}

Result<HistoryQuery> history_query(const Query& query) {
  HistoryQuery wanted;
  const std::string names = query.text("series");
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t end = std::min(names.find(',', at), names.size());
    std::string name = names.substr(at, end - at);
    at = end + 1;
    if (name.empty()) {
      return fail(Code::InvalidArgument, "series names those to be read, separated by commas");
    }
    if (collector::kind_of(name) == nullptr) {
      return fail(Code::NotFound, no_such_series(name));
    }
    wanted.series.push_back(std::move(name));
  }
  if (wanted.series.size() > kHistorySeriesMax) {
    return fail(Code::InvalidArgument,
                "at most " + std::to_string(kHistorySeriesMax) + " series can be read at once");
  }
  const auto since = query.duration("since", wanted.since, kHistorySinceMax);
  if (!since) return tl::unexpected<Error>(since.error());
  const auto step = query.duration("step", Duration::zero(), kHistorySinceMax);
  if (!step) return tl::unexpected<Error>(step.error());
  wanted.since = *since;
  wanted.step = *step;
  if (!query.has("step")) return wanted;
  if (wanted.step < kStepMin) {
    return fail(Code::InvalidArgument, "step: at least " + duration_text(kStepMin));
  }
  const auto points = static_cast<std::size_t>(wanted.since / wanted.step + 1);
  if (points > kHistoryPointsMax || points * wanted.series.size() > kHistoryValuesMax) {
    return fail(Code::InvalidArgument,
                "that makes too many values (" + std::to_string(kHistoryPointsMax) +
                    " of a series and " + std::to_string(kHistoryValuesMax) +
                    " of all are answered): take a longer step or fewer series");
  }
  return wanted;
}

ApiResponse history_response(const NodeName& node, const HistoryRead& read) {
  ApiResponse response;
  std::string& out = response.body;
  std::string head = json_text({{"node", node},
                                {"now_ms", ms(read.now)},
                                {"from_ms", ms(read.from)},
                                {"step_ms", ms(read.step)},
                                {"interval_ms", ms(read.interval)}});
  out = head.substr(0, head.rfind('}')) + ",\"series\":[";
  for (std::size_t i = 0; i < read.series.size(); ++i) {
    const SeriesRead& one = read.series[i];
    const std::string names = json_text({{"name", one.name}, {"unit", one.unit}});
    if (i > 0) out += ',';
    out += names.substr(0, names.rfind('}')) + ",";
    append_values(out, "mean", one.column.mean);
    out += ',';
    append_values(out, "low", one.column.low);
    out += ',';
    append_values(out, "high", one.column.high);
    out += '}';
  }
  out += "]}\n";
  return response;
}

ApiResponse series_response(const NodeName& node, const std::set<std::string>& series) {
  json list = json::array();
  for (const std::string& name : series) {
    const collector::SeriesKind* kind = collector::kind_of(name);
    list.push_back({{"name", name}, {"unit", kind == nullptr ? "" : kind->unit}});
  }
  return ok_json({{"node", node}, {"series", std::move(list)}});
}

}  // namespace muster::agent
