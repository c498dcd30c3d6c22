#include "collector/exposition.h"

#include <charconv>
#include <cmath>
#include <map>

namespace muster::collector {
namespace {

enum class Quote { Help, LabelValue };

std::string_view type_text(MetricType type) {
  switch (type) {
    case MetricType::Counter: return "counter";
    case MetricType::Gauge: return "gauge";
    case MetricType::Untyped: return "untyped";
    case MetricType::Histogram: return "histogram";
    case MetricType::Summary: return "summary";
  }
  return "untyped";
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

void append_escaped(std::string& out, std::string_view text, Quote quote) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (text[0] == '\\') {
      out += "\\\\";
    } else if (text[0] == '\n') {
      out += "\\n";
    } else if (text[0] == '"' && quote == Quote::LabelValue) {
      out += "\\\"";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void append_number(std::string& out, double value) {
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
}  // namespace

std::string exposition_text(const Families& families) {
  std::map<std::string_view, std::vector<const Family*>> by_name;
  for (const Family& family : families) {
    if (!family.samples.empty()) by_name[family.name].push_back(&family);
  }
  std::string out;
  for (const Family& family : families) {
    const auto same_name = by_name.extract(family.name);  // empty when it is already written
    if (same_name.empty()) continue;
    const Family& first = *same_name.mapped().front();
    append_header(out, first.name, first.help, type_text(first.type));
    for (const Family* part : same_name.mapped()) {
      for (const Sample& sample : part->samples) {
        out += part->name;
        append_sample(out, part_suffix(sample.part), sample.labels, sample.value);
      }
    }
  }
  return out;
}

void append_header(std::string& out, std::string_view name, std::string_view help,
                   std::string_view type) {
  out.append("# HELP ").append(name) += ' ';
  append_escaped(out, help, Quote::Help);
  out.append("\n# TYPE ").append(name).append(" ").append(type) += '\n';
}

void append_sample(std::string& out, std::string_view name,
                   const std::vector<std::pair<std::string, std::string>>& labels, double value) {
  out += name;
  char separator = '{';
  for (const auto& [label, text] : labels) {
    (out += separator).append(label) += "=\"";
    append_escaped(out, text, Quote::LabelValue);
    out += '"';
    separator = ',';
  }
  out += labels.empty() ? " " : "} ";
  append_number(out, value);
  out += '\n';
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

std::string number_text(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

}  // namespace muster::collector
