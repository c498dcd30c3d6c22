// How is the text of a /proc file cut into lines, fields and numbers?
//
// Core, no state. Every collector's parser is built of these, so that all of them refuse empty,
// truncated and garbage text alike and say so in the same words. Reads no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
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

// What a refused text ends with.
inline constexpr std::string_view kLeftOut = "; its metrics are left out";

// DataLoss: "collector cpu: /proc/stat <why>; its metrics are left out".
[[nodiscard]] tl::unexpected<Error> refuse(const Source& source, std::string_view why);
// The same with the line's number (`index` counts from 0) and its beginning.
[[nodiscard]] tl::unexpected<Error> refuse_line(const Source& source, std::size_t index,
                                                std::string_view line, std::string_view why);

// The lines of `text` without their newlines; they point into `text`. Refuses empty text, text
// whose last line has no newline (the kernel ends every line, so that one is cut off), and text of
// more lines than any of these files has.
inline constexpr std::size_t kLinesMax = 65536;
[[nodiscard]] Result<std::vector<std::string_view>> split_lines(const Source& source,
                                                                std::string_view text);

// Without the blanks, tabs and newlines around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

// Takes the next field, bounded by blanks and tabs, off `rest`; empty when there is none.
[[nodiscard]] std::string_view next_field(std::string_view& rest);
// All of them; of a line that has more than any line of /proc, the first kFieldsMax.
inline constexpr std::size_t kFieldsMax = 1024;
[[nodiscard]] std::vector<std::string_view> split_fields(std::string_view line);

// The whole field must be the number: no sign, no unit, in range.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view field);
[[nodiscard]] std::optional<std::uint64_t> parse_hex(std::string_view field);  // no 0x before it
[[nodiscard]] std::optional<double> parse_decimal(std::string_view field);     // finite, >= 0
[[nodiscard]] std::optional<double> parse_number(std::string_view field);      // finite
// With a sign, or in hexadecimal as "0x1f".
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view field);
// Any notation that strtod(3) takes but hexadecimal ones: "-1.5e3", "+Inf", "NaN".
[[nodiscard]] std::optional<double> parse_float(std::string_view field);

// Whether a name read from a file may stand in the name of a metric: ASCII letters, digits and _.
[[nodiscard]] bool is_metric_part(std::string_view name);

// The text of a file that holds one number and a newline; DataLoss when it does not.
[[nodiscard]] Result<std::uint64_t> parse_lone_count(const Source& source, std::string_view text);

// A set as the kernel writes CPUs and nodes, "0-3,8" and a newline; nothing but the newline is the
// empty set. DataLoss when it is no such text, is out of order or names more than any machine has.
inline constexpr std::uint32_t kCpusMax = 65536;
[[nodiscard]] Result<std::set<std::uint32_t>> parse_cpu_list(const Source& source,
                                                             std::string_view text);

}  // namespace muster::collector
