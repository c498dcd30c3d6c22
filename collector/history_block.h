// How is a stretch of a node's history held in memory, and how does it lie on disk?
//
// Core, no state: values, their encoding, and how fine values become coarse ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace muster::collector {

// The values of one series, one a point. Seven digits are enough to draw and to compare with.
struct Column {
  std::vector<float> mean;  // NaN: nothing was measured
  std::vector<float> low;   // low and high empty: every point is a single measurement, its mean
  std::vector<float> high;
};

struct HistoryBlock {
  std::uint64_t id = 0;             // later blocks have greater ones; 0: it was not stored yet
  std::int64_t span_ms = 0;         // the time that was recorded in it
  std::int64_t step_ms = 0;         // the time that one point stands for
  std::vector<std::int64_t> times;  // of the points, ms since 1970, strictly growing; not empty
  std::map<std::string, Column> columns;  // by series, each with a value a point
};

// What decode_*() refuses to make: no block has as many points, and no clock shows such a time, nor
// does any stretch last as long, in ms. It keeps sums of them in range.
inline constexpr std::size_t kBlockPointsMax = 100'000;
inline constexpr std::int64_t kHistoryMsMax = std::int64_t{1} << 46;  // the year 4199

// Both carry a checksum; runs of the same value (an idle device) take as much room as one.
[[nodiscard]] std::string encode_times(const std::vector<std::int64_t>& times);
[[nodiscard]] std::string encode_column(const Column& column);
// DataLoss for anything that the above did not make.
[[nodiscard]] Result<std::vector<std::int64_t>> decode_times(std::string_view bytes);
[[nodiscard]] Result<Column> decode_column(std::string_view bytes, std::size_t points);

// One block with at most a point for each multiple of `step_ms`: the mean, the lowest and the
// highest of what was measured within. It has the id of the first. Pre: there is a block, and times
// grow from each to the next; each is made of single measurements.
[[nodiscard]] HistoryBlock merged(const std::vector<HistoryBlock>& blocks, std::int64_t step_ms);

}  // namespace muster::collector
