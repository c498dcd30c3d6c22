#include "collector/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace muster::collector {
namespace {

std::string_view type_text(MetricType type, Format format) {
  switch (type) {
    case MetricType::Counter: return "counter";
    case MetricType::Gauge: return "gauge";
    case MetricType::Untyped: break;
    case MetricType::Histogram: return "histogram";
    case MetricType::Summary: return "summary";
  }
  return format == Format::Text ? "untyped" : "unknown";
}

// Length of the UTF-8 character that `text` begins with, 0 when it begins with none. A zero byte
// counts as none too: readers written in C end there.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first != 0 ? 1 : 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second >= 0xA0;
  const bool beyond = first == 0xF4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

// Not a function: find_if_not() would call it for each character.
constexpr auto kIsPlain = [](char c) {
  return static_cast<signed char>(c) > 0 && c != '\\' && c != '\n' && c != '"';
};

// How many characters at the beginning of `text` are plain. Eight at a time as long as all of them
// are: nearly every text is plain to its end.
std::size_t plain_length(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t word) { return (word - kOnes) & ~word & kHighs; };
  std::size_t length = 0;
  for (; text.size() - length >= sizeof(std::uint64_t); length += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + length, sizeof word);
    const std::uint64_t other = (word & kHighs) | has_zero(word) | has_zero(word ^ kOnes * '\\') |
                                has_zero(word ^ kOnes * '\n') | has_zero(word ^ kOnes * '"');
    if (other != 0) break;
  }
  const auto rest = text.substr(length);
  const auto end = std::find_if_not(rest.begin(), rest.end(), kIsPlain);
  return length + static_cast<std::size_t>(end - rest.begin());
}

// With `quotes`, those are escaped too.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  while (!text.empty()) {
    const std::size_t plain = plain_length(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (text[0] == '\\') {
      out += "\\\\";
    } else if (text[0] == '\n') {
      out += "\\n";
    } else if (text[0] == '"' && quotes) {
      out += "\\\"";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

// Most values are whole and short. Without five zeros at its end such a number is shortest when
// written as what it is, and that is much faster than finding the shortest text of any double.
bool append_whole(std::string& out, double value) {
  constexpr double kMost = 1ULL << 53;  // every whole number up to it is a double
  if (!(value > 0 && value < kMost)) return false;
  const auto whole = static_cast<std::uint64_t>(value);
  if (static_cast<double>(whole) != value || whole % 100'000 == 0) return false;
  char buffer[16];  // 2^53 has 16 digits
  const auto [end, error] = std::to_chars(std::begin(buffer), std::end(buffer), whole);
  out.append(buffer, end);
  return true;
}

void append_number(std::string& out, double value) {
  if (value == 0 && !std::signbit(value)) {
    out += '0';
    return;
  }
  if (append_whole(out, value)) return;
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char buffer[32];  // the longest double has 24 characters
    const auto [end, error] = std::to_chars(std::begin(buffer), std::end(buffer), value);
    out.append(buffer, end);
  }
}

// Both are read as numbers, and have a fraction in OpenMetrics: "1.0".
bool is_bound(std::string_view label, const Sample& sample, MetricType type) {
  return (sample.part == SamplePart::Bucket && label == "le") ||
         (type == MetricType::Summary && label == "quantile");
}

void append_sample(std::string& out, std::string_view name, const Sample& sample, MetricType type,
                   Format format) {
  out.append(name).append(part_suffix(sample.part));
  char separator = '{';
  for (const auto& [label, text] : sample.labels) {
    (out += separator).append(label) += "=\"";
    append_escaped(out, text, true);
    const bool whole = !text.empty() && text.find_first_not_of("-0123456789") == std::string::npos;
    if (format == Format::OpenMetrics && whole && is_bound(label, sample, type)) out += ".0";
    out += '"';
    separator = ',';
  }
  out += sample.labels.empty() ? " " : "} ";
  append_number(out, sample.value);
  out += '\n';
}

// Sorted by their names' lengths, then by their names: the names of a node differ in their ends,
// so that most of them need not be compared. Those of one name are in their order.
using ByName = std::vector<const Family*>;

bool name_before(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}
bool before(const Family* a, const Family* b) { return name_before(a->name, b->name); }

bool has(const ByName& families, std::string_view name) {
  const auto found = std::lower_bound(families.begin(), families.end(), name,
                                      [](const Family* family, std::string_view wanted) {
                                        return name_before(family->name, wanted);
                                      });
  return found != families.end() && (*found)->name == name;
}

// What stands in the header of a family in OpenMetrics, where a counter's name has no _total. A
// counter without that suffix cannot be told apart from a gauge there, and one whose shorter name
// is another family's neither: they keep their names and lose their type.
struct Heading {
  std::string_view name;
  MetricType type;
};
Heading heading(const Family& family, const ByName& families, Format format) {
  constexpr std::string_view kTotal = "_total";
  if (format == Format::Text || family.type != MetricType::Counter) {
    return {family.name, family.type};
  }
  std::string_view name = family.name;
  if (!name.ends_with(kTotal)) return {name, MetricType::Untyped};
  name.remove_suffix(kTotal.size());
  if (has(families, name)) return {family.name, MetricType::Untyped};
  return {name, family.type};
}

void append_header(std::string& out, const Heading& heading, std::string_view help, Format format) {
  out.append("# HELP ").append(heading.name) += ' ';
  append_escaped(out, help, format == Format::OpenMetrics);
  out.append("\n# TYPE ").append(heading.name) += ' ';
  out.append(type_text(heading.type, format)) += '\n';
}
}  // namespace

void append_families(std::string& out, std::initializer_list<const Families*> families,
                     Format format) {
  ByName by_name;
  for (const Families* some : families) {
    by_name.reserve(by_name.size() + some->size());
    for (const Family& family : *some) {
      if (!family.samples.empty()) by_name.push_back(&family);
    }
  }
  const ByName in_order = by_name;
  std::stable_sort(by_name.begin(), by_name.end(), before);
  const auto same = [](const Family* a, const Family* b) { return a->name == b->name; };
  const bool all_differ = std::adjacent_find(by_name.begin(), by_name.end(), same) == by_name.end();
  for (const Family* const& family : in_order) {
    const Family* const* begin = &family;
    const Family* const* end = begin + 1;
    if (!all_differ) {
      const auto range = std::equal_range(by_name.begin(), by_name.end(), family, before);
      if (*range.first != family) continue;  // it is written with the first of its name
      begin = by_name.data() + (range.first - by_name.begin());
      end = by_name.data() + (range.second - by_name.begin());
    }
    append_header(out, heading(*family, by_name, format), family->help, format);
    for (auto part = begin; part != end; ++part) {
      for (const Sample& sample : (*part)->samples) {
        append_sample(out, family->name, sample, family->type, format);
      }
    }
  }
}

void append_end(std::string& out, Format format) {
  if (format == Format::OpenMetrics) out += "# EOF\n";
}

std::string exposition_text(const Families& families) {
  std::string out;
  append_families(out, {&families}, Format::Text);
  return out;
}

std::string_view part_suffix(SamplePart part) {
  switch (part) {
    case SamplePart::Value: return "";
    case SamplePart::Bucket: return "_bucket";
    case SamplePart::Sum: return "_sum";
    case SamplePart::Count: return "_count";
  }
  return "";
}

std::vector<std::string> part_names(std::string_view name, MetricType type) {
  std::vector<std::string> names;
  if (type != MetricType::Histogram && type != MetricType::Summary) return names;
  for (const SamplePart part : {SamplePart::Bucket, SamplePart::Sum, SamplePart::Count}) {
    if (part == SamplePart::Bucket && type != MetricType::Histogram) continue;
    names.push_back(std::string(name).append(part_suffix(part)));
  }
  return names;
}

std::string number_text(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

}  // namespace muster::collector
