// What does an agent answer to those who ask for its node's recent past?
//
// Pure. Requests are outside text: how many series and points they ask for is bounded.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/api_response.h"
#include "agent/query.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "collector/history_block.h"

namespace muster::agent {

inline constexpr std::size_t kHistorySeriesMax = 32;       // of one request
inline constexpr std::size_t kHistoryPointsMax = 20'000;   // of one series
inline constexpr std::size_t kHistoryValuesMax = 200'000;  // of all series of one request
inline constexpr Duration kHistorySinceMax = std::chrono::hours(24 * 31);

struct HistoryQuery {
  std::vector<std::string> series;
  Duration since = std::chrono::hours(1);  // from so long ago until now
  Duration step{};                         // of the points; 0: as fitting()
};

// Of the parameters series (names, separated by commas), since and step. InvalidArgument for what
// is too much or no duration; NotFound for a series of no known kind.
[[nodiscard]] Result<HistoryQuery> history_query(const Query& query);
[[nodiscard]] std::string no_such_series(const std::string& name);
// The interval of recording, or more where that would make more than some 1,440 points.
[[nodiscard]] Duration fitting_step(Duration since, Duration interval);

struct SeriesRead {
  std::string name;
  std::string unit;
  collector::Column column;  // with low and high
};
struct HistoryRead {
  WallTime now{};
  WallTime from{};  // of the first point
  Duration step{};
  Duration interval{};  // in which it is recorded
  std::vector<SeriesRead> series;
};

// A value that there is not is null.
[[nodiscard]] ApiResponse history_response(const NodeName& node, const HistoryRead& read);
[[nodiscard]] ApiResponse series_response(const NodeName& node,
                                          const std::set<std::string>& series);

}  // namespace muster::agent
