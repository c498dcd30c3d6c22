// How do families become the text that Prometheus scrapes?
//
// Core, no state: text format 0.0.4 and OpenMetrics 1.0. One bad line makes Prometheus drop the
// whole scrape, so that label values and help texts may hold any bytes: what is not UTF-8 is
// replaced by U+FFFD. Writes no timestamps, no exemplars and no _created.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sample.h"

namespace muster::collector {

enum class Format { Text, OpenMetrics };

// One HELP and one TYPE line a name: those of the same name are written as one, in the place of
// the first and with its help and type. Families without samples are left out. Series have the same
// names in both formats: a counter without _total is of unknown type in OpenMetrics. Pre: metric
// and label names are valid.
void append_families(std::string& out, std::initializer_list<const Families*> families,
                     Format format);
// What comes after all families.
void append_end(std::string& out, Format format);

// The whole text of these families alone.
[[nodiscard]] std::string exposition_text(const Families& families);

// What a line has behind the family's name: "_bucket", "_sum", "_count" or nothing.
[[nodiscard]] std::string_view part_suffix(SamplePart part);

// Besides its own, the names that lines of such a family may have: "x_sum" of a summary x.
[[nodiscard]] std::vector<std::string> part_names(std::string_view name, MetricType type);

// The shortest text that reads back as the same number; "NaN", "+Inf", "-Inf".
[[nodiscard]] std::string number_text(double value);

}  // namespace muster::collector
