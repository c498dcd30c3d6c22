// How is the text of a /proc file cut into lines, fields and numbers?
//
// Core, no state. Every collector's parser is built of these, so that all of them refuse empty,
// truncated and garbage text alike and say so in the same words. Reads no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace muster::collector {

// What a refusal names: the collector, as in node_scrape_collector_success, and the file.
struct Source {
  std::string_view collector;
  std::string_view path;
};

// DataLoss: "collector cpu: /proc/stat <why>; its metrics are left out".
[[nodiscard]] tl::unexpected<Error> refuse(const Source& source, std::string_view why);
// The same with the line's number (`index` counts from 0) and its beginning.
[[nodiscard]] tl::unexpected<Error> refuse_line(const Source& source, std::size_t index,
                                                std::string_view line, std::string_view why);

// The lines of `text` without their newlines; they point into `text`. Refuses empty text, and text
// whose last line has no newline: the kernel ends every line, so that one is cut off.
[[nodiscard]] Result<std::vector<std::string_view>> split_lines(const Source& source,
                                                                std::string_view text);

// Takes the next field, bounded by blanks and tabs, off `rest`; empty when there is none.
[[nodiscard]] std::string_view next_field(std::string_view& rest);
[[nodiscard]] std::vector<std::string_view> split_fields(std::string_view line);

// The whole field must be the number: no sign, no unit, in range.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view field);
[[nodiscard]] std::optional<double> parse_decimal(std::string_view field);  // finite, >= 0

}  // namespace muster::collector
