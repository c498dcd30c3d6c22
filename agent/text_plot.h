// How are numbers that change over time shown on a terminal?
//
// Pure functions. Text of plain characters only, so that it passes through any SSH; sparklines use
// eight block characters where the terminal has them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "collector/history_block.h"

namespace muster::agent {

// "12.3 %", "1.5 GiB", "340 KiB/s", "7.00/s", "2.1 ms", "45 C", "1.25"; by the units of
// collector/history_series.h. "-" for what is no number.
[[nodiscard]] std::string value_text(double value, std::string_view unit);

// The last `width` parts of `values`, each the mean of what falls into it; a blank for a gap.
// `most` is what fills a character; 0: the largest of them.
[[nodiscard]] std::string sparkline(const std::vector<float>& values, std::size_t width, float most,
                                    bool blocks);

struct PlotRange {
  double low = 0;   // the lowest that was measured
  double mean = 0;  // of the means
  double high = 0;
  std::size_t points = 0;  // 0: nothing was, and the others mean nothing
};
[[nodiscard]] PlotRange range_of(const collector::Column& column);

// `rows` lines of at most `columns` characters: a mark for the mean and colons from the lowest to
// the highest, blank where nothing was measured, under it the axis and times in UTC. Pre: column is
// not empty and has low and high; at least 40 columns and 6 rows.
[[nodiscard]] std::string plot_text(const collector::Column& column, std::string_view unit,
                                    WallTime from, Duration step, std::size_t columns,
                                    std::size_t rows);

}  // namespace muster::agent
