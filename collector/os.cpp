#include "collector/os.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr std::size_t kTextBytesMax = 65536;  // its values become labels
constexpr std::array<std::string_view, 2> kPaths{"/etc/os-release", "/usr/lib/os-release"};
// The labels of node_os_info; the keys of the file are the same in capital letters.
constexpr std::array<std::string_view, 12> kLabels{
    "build_id",    "id",      "id_like",    "image_id", "image_version",    "name",
    "pretty_name", "variant", "variant_id", "version",  "version_codename", "version_id"};

std::string capitals(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

// What a shell would assign: quotes go, and a backslash takes the meaning off the next character
// (between double quotes only off those that have one there).
std::optional<std::string> unquoted(std::string_view text) {
  constexpr std::string_view kSpecialInQuotes = "\"\\$`";
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool last = i + 1 == text.size();
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote && quote != 0) {
      quote = 0;
    } else if (c == '\\' && quote != '\'') {
      if (last) return std::nullopt;
      const char next = text[++i];
      if (quote == '"' && kSpecialInQuotes.find(next) == std::string_view::npos) out += c;
      out += next;
    } else if (quote == 0 && (c == ' ' || c == '\t')) {
      return std::nullopt;  // a shell would run the rest as a command
    } else {
      out += c;
    }
  }
  return quote == 0 ? std::optional(std::move(out)) : std::nullopt;
}

using Assignments = std::map<std::string, std::string, std::less<>>;

Result<Assignments> parse_assignments(const Source& source, std::string_view text) {
  // A person may have written it: the newline at the end may be missing.
  const std::string whole = text.ends_with('\n') ? std::string(text) : std::string(text) + '\n';
  const auto lines = split_lines(source, text.empty() ? text : std::string_view(whole));
  if (!lines) return tl::unexpected(lines.error());
  Assignments out;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const std::string_view line = trimmed((*lines)[i]);
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t equals = line.find('=');
    const auto value = equals == std::string_view::npos ? std::optional<std::string>()
                                                        : unquoted(line.substr(equals + 1));
    if (!value || !is_metric_part(line.substr(0, equals))) {
      return refuse_line(source, i, line, "is not NAME=VALUE as a shell reads it");
    }
    out.insert_or_assign(std::string(line.substr(0, equals)), *value);
  }
  return out;
}

// "22.04.3" -> 22.04; 0 when it does not begin with a number.
double version_number(std::string_view version_id) {
  constexpr std::string_view kDigits = "0123456789";
  std::size_t end = std::min(version_id.find_first_not_of(kDigits), version_id.size());
  if (end > 0 && end < version_id.size() && version_id[end] == '.') {
    end = std::min(version_id.find_first_not_of(kDigits, end + 1), version_id.size());
  }
  return parse_decimal(version_id.substr(0, end)).value_or(0);
}

// "2028-06-30" -> when that day begins in UTC.
std::optional<std::int64_t> day_seconds(std::string_view date) {
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return std::nullopt;
  const auto year = parse_count(date.substr(0, 4));
  const auto month = parse_count(date.substr(5, 2));
  const auto day = parse_count(date.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day when(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!when.ok()) return std::nullopt;
  return std::chrono::seconds(std::chrono::sys_days(when).time_since_epoch()).count();
}
}  // namespace

Result<Families> parse_os_release(std::string_view path, std::string_view text, bool compat_1_5) {
  const Source source{"os", path};
  if (text.size() > kTextBytesMax) return refuse(source, "is larger than any os-release");
  const auto assigned = parse_assignments(source, text);
  if (!assigned) return tl::unexpected(assigned.error());
  const auto value = [&](std::string_view label) {
    const auto found = assigned->find(capitals(label));
    return found == assigned->end() ? std::string() : found->second;
  };
  Family info = gauge("node_os_info",
                      "A metric with a constant '1' value labeled by build_id, id, id_like, "
                      "image_id, image_version, name, pretty_name, variant, variant_id, version, "
                      "version_codename, version_id.");
  Sample one{{}, 1};
  for (const std::string_view label : kLabels) one.labels.emplace_back(label, value(label));
  info.samples.push_back(std::move(one));
  Families families{std::move(info)};
  const std::string support_end = value("support_end");
  if (!compat_1_5 && !support_end.empty()) {
    const auto begin = day_seconds(support_end);
    if (!begin) return refuse(source, "has a SUPPORT_END that is not YYYY-MM-DD");
    families.push_back(gauge("node_os_support_end_timestamp_seconds",
                             "Metric containing the end-of-life date timestamp of the OS.",
                             static_cast<double>(*begin)));
  }
  if (const double version = version_number(value("version_id")); version > 0) {
    families.push_back(
        gauge("node_os_version", "Metric containing the major.minor part of the OS version."));
    add_sample(families.back(),
               {{"id", value("id")}, {"id_like", value("id_like")}, {"name", value("name")}},
               version);
  }
  return families;
}

Result<Families> OsRelease::collect(const HostFs& fs) {
  std::optional<Error> missing;
  for (const std::string_view path : kPaths) {
    const auto modified = fs.modified(path);
    if (!modified && modified.error().code == Code::NotFound) {
      missing = modified.error();
      continue;
    }
    if (!modified) return tl::unexpected(modified.error());
    if (path_ == path && modified_ == *modified) return families_;
    const auto text = fs.read(path);
    if (!text) return tl::unexpected(text.error());
    auto families = parse_os_release(path, *text, compat_1_5_);
    if (!families) return families;
    path_ = path;
    modified_ = *modified;
    families_ = *std::move(families);
    return families_;
  }
  return tl::unexpected(*missing);
}

}  // namespace muster::collector
