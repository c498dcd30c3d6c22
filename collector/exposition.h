// How do families become the text that Prometheus scrapes?
//
// Core, no state: text format 0.0.4. One bad line makes Prometheus drop the whole scrape, so that
// label values and help texts may hold any bytes: what is not UTF-8 is replaced by U+FFFD. Writes
// no timestamps.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sample.h"

namespace muster::collector {

inline constexpr std::string_view kExpositionContentType =
    "text/plain; version=0.0.4; charset=utf-8";

// One HELP and one TYPE line a name: families of the same name are written as one, in the place of
// the first and with its help and type. Families without samples are left out. Pre: metric and
// label names are valid.
[[nodiscard]] std::string exposition_text(const Families& families);

// The pieces, for families of others than collectors. Each appends whole lines.
void append_header(std::string& out, std::string_view name, std::string_view help,
                   std::string_view type);
void append_sample(std::string& out, std::string_view name,
                   const std::vector<std::pair<std::string, std::string>>& labels, double value);

// What a line has behind the family's name: "_bucket", "_sum", "_count" or nothing.
[[nodiscard]] std::string_view part_suffix(SamplePart part);

// The shortest text that reads back as the same number; "NaN", "+Inf", "-Inf".
[[nodiscard]] std::string number_text(double value);

}  // namespace muster::collector
