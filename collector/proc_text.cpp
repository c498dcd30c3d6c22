#include "collector/proc_text.h"

#include <charconv>
#include <cmath>

namespace muster::collector {
namespace {

constexpr std::size_t kQuotedMax = 60;  // of a bad line in an error text
constexpr std::string_view kBlanks = " \t";

// Garbage must not reach a log unbounded or with control characters in it.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kQuotedMax)) out += c >= ' ' && c <= '~' ? c : '?';
  out += text.size() > kQuotedMax ? "...'" : "'";
  return out;
}
}  // namespace

tl::unexpected<Error> refuse(const Source& source, std::string_view why) {
  return fail(Code::DataLoss, "collector " + std::string(source.collector) + ": " +
                                  std::string(source.path) + " " + std::string(why) +
                                  "; its metrics are left out");
}

tl::unexpected<Error> refuse_line(const Source& source, std::size_t index, std::string_view line,
                                  std::string_view why) {
  return refuse(source,
                "line " + std::to_string(index + 1) + " " + quoted(line) + " " + std::string(why));
}

Result<std::vector<std::string_view>> split_lines(const Source& source, std::string_view text) {
  if (text.empty()) return refuse(source, "is empty");
  if (text.back() != '\n') return refuse(source, "is cut off: its last line does not end");
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string_view next_field(std::string_view& rest) {
  const std::size_t begin = rest.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    rest = {};
    return {};
  }
  rest.remove_prefix(begin);
  const std::string_view field = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(field.size());
  return field;
}

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::string_view f = next_field(line); !f.empty(); f = next_field(line)) fields.push_back(f);
  return fields;
}

std::optional<std::uint64_t> parse_count(std::string_view field) {
  std::uint64_t value = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> parse_decimal(std::string_view field) {
  double value = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value, std::chars_format::fixed);
  if (error != std::errc() || stop != end || !std::isfinite(value) || std::signbit(value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace muster::collector
