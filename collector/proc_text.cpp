#include "collector/proc_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace muster::collector {
namespace {

constexpr std::size_t kQuotedMax = 60;  // of a bad line in an error text
constexpr std::size_t kFieldsExpected = 24;
constexpr std::string_view kAround = " \t\n";

// Garbage must not reach a log unbounded or with control characters in it.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kQuotedMax)) out += c >= ' ' && c <= '~' ? c : '?';
  out += text.size() > kQuotedMax ? "...'" : "'";
  return out;
}

std::optional<std::uint64_t> whole_number(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}
}  // namespace

tl::unexpected<Error> refuse(const Source& source, std::string_view why) {
  return fail(Code::DataLoss, "collector " + std::string(source.collector) + ": " +
                                  std::string(source.path) + " " + std::string(why) +
                                  std::string(kLeftOut));
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
  lines.reserve(std::min<std::size_t>(
      kLinesMax, static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'))));
  while (!text.empty()) {
    if (lines.size() == kLinesMax) {
      return refuse(source, "has more than " + std::to_string(kLinesMax) + " lines");
    }
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kAround);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kAround) + 1 - begin);
}

// Runs for every field of every file: character by character is fastest for fields this short.
std::string_view next_field(std::string_view& rest) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  std::size_t begin = 0;
  while (begin < rest.size() && blank(rest[begin])) ++begin;
  std::size_t end = begin;
  while (end < rest.size() && !blank(rest[end])) ++end;
  const std::string_view field = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return field;
}

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  fields.reserve(kFieldsExpected);
  while (fields.size() < kFieldsMax) {
    const std::string_view field = next_field(line);
    if (field.empty()) break;
    fields.push_back(field);
  }
  return fields;
}

std::optional<std::uint64_t> parse_count(std::string_view field) { return whole_number(field, 10); }

std::optional<std::uint64_t> parse_hex(std::string_view field) { return whole_number(field, 16); }

std::optional<double> parse_number(std::string_view field) {
  double value = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value, std::chars_format::fixed);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_integer(std::string_view field) {
  const int base = field.starts_with("0x") ? 16 : 10;
  if (base == 16) field.remove_prefix(2);
  if (base == 16 && field.starts_with('-')) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> parse_float(std::string_view field) {
  if (field.starts_with('+')) {
    field.remove_prefix(1);
    if (field.starts_with('-')) return std::nullopt;
  }
  if (field.ends_with(')')) return std::nullopt;  // "nan(...)" is C's notation only
  double value = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> parse_decimal(std::string_view field) {
  const auto value = parse_number(field);
  return value && !std::signbit(*value) ? value : std::nullopt;
}

bool is_metric_part(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

Result<std::uint64_t> parse_lone_count(const Source& source, std::string_view text) {
  if (!text.ends_with('\n')) return refuse(source, "is empty or cut off");
  const auto value = parse_count(trimmed(text));
  if (!value) return refuse_line(source, 0, trimmed(text), "is not a number");
  return *value;
}

Result<std::set<std::uint32_t>> parse_cpu_list(const Source& source, std::string_view text) {
  if (!text.ends_with('\n')) return refuse(source, "is empty or cut off");
  const std::string_view line = trimmed(text);
  std::set<std::uint32_t> out;
  std::uint64_t next = 0;  // nothing below it may follow
  for (std::string_view rest = line; !rest.empty();) {
    const std::string_view range = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(range.size() + 1, rest.size()));
    const std::size_t dash = range.find('-');
    const auto first = parse_count(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_count(range.substr(dash + 1));
    if (!first || !last || *first < next || *last < *first || *last >= kCpusMax) {
      return refuse_line(source, 0, line, "is not a set of CPUs");
    }
    for (std::uint64_t cpu = *first; cpu <= *last; ++cpu) {
      out.insert(out.end(), static_cast<std::uint32_t>(cpu));
    }
    next = *last + 1;
  }
  return out;
}

}  // namespace muster::collector
