// Which families does somebody else's text of metrics hold?
//
// Core, no state: the text format 0.0.4 as Prometheus's own parser takes it, and stricter where
// that one guesses. Histograms and summaries come out as Prometheus's client library writes them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// In the order in which the text first names them; `help` is empty when it has none. Empty families
// are left out. InvalidArgument, "line 3 ...": a line that is not understood, a timestamp, a second
// HELP or TYPE, a series that is there twice, a type that Prometheus does not know; and without a
// line, a metric that has the name of a part of another. Exhausted: more than `series_max` series.
[[nodiscard]] Result<Families> parse_exposition(std::string_view text, std::size_t series_max);

// As a label le or quantile holds it: "0.005", "100000", "1e+06", "+Inf".
[[nodiscard]] std::string bound_text(double bound);

}  // namespace muster::collector
