#include "collector/exposition_parse.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/problem.h"
#include "collector/exposition.h"
#include "collector/family_table.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

bool is_name_start(char c, bool colons) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
}

// Takes a metric's or a label's name off `rest`; empty when there is none.
std::string_view take_name(std::string_view& rest, bool colons) {
  std::size_t end = 0;
  while (end < rest.size() &&
         (is_name_start(rest[end], colons) || (end > 0 && rest[end] >= '0' && rest[end] <= '9'))) {
    ++end;
  }
  const std::string_view name = rest.substr(0, end);
  rest.remove_prefix(end);
  return name;
}

void skip_blanks(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
}

// Undoes \\, \n and \". Nothing: another character behind a backslash.
std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size() || (text[i] != '\\' && text[i] != 'n' && text[i] != '"')) {
      return std::nullopt;
    }
    out += text[i] == 'n' ? '\n' : text[i];
  }
  return out;
}

std::optional<MetricType> type_of(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const auto& [name, type] :
       {std::pair{"counter", MetricType::Counter}, std::pair{"gauge", MetricType::Gauge},
        std::pair{"untyped", MetricType::Untyped}, std::pair{"histogram", MetricType::Histogram},
        std::pair{"summary", MetricType::Summary}}) {
    if (small == name) return type;
  }
  return std::nullopt;
}

// The series of a histogram or of a summary that have the same labels but for le and quantile.
struct Group {
  SampleLabels labels;
  std::map<double, double> bounds;  // buckets or quantiles
  double sum = 0;
  double count = 0;
};

struct Draft {
  Family family;
  std::optional<MetricType> type;
  std::set<std::string> series;
  std::map<std::string, std::size_t> group_of;  // by series_key of its labels
  std::vector<Group> groups;
};

class Parser {
 public:
  explicit Parser(std::size_t series_max) : series_max_(series_max) {}

  Status line(std::string_view line);
  // After the last line.
  Result<Families> take();

 private:
  Status comment(std::string_view rest);
  Status sample(std::string_view rest);
  Status add(Draft& draft, SamplePart part, SampleLabels labels, double value);
  Status add_part(Draft& draft, SamplePart part, const SampleLabels& labels,
                  const std::string& bound, double value);
  Draft& draft(std::string_view name);
  std::pair<Draft*, SamplePart> owner(std::string_view name);
  [[nodiscard]] Status check_parts(const Draft& draft) const;

  std::size_t series_max_;
  std::size_t series_ = 0;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<Draft> drafts_;
};

tl::unexpected<Error> wrong(std::string why) { return fail(Code::InvalidArgument, std::move(why)); }

Status Parser::line(std::string_view line) {
  skip_blanks(line);
  if (line.empty()) return {};
  return line.front() == '#' ? comment(line.substr(1)) : sample(line);
}

Status Parser::comment(std::string_view rest) {
  const std::string_view keyword = next_field(rest);
  if (keyword != "HELP" && keyword != "TYPE") return {};
  skip_blanks(rest);
  if (rest.empty()) return {};
  const std::string_view name = take_name(rest, true);
  if (name.empty() || (!rest.empty() && rest.front() != ' ' && rest.front() != '\t')) {
    return wrong("has no valid name behind its keyword");
  }
  skip_blanks(rest);
  if (rest.empty()) return {};
  Draft& of = draft(name);
  if (keyword == "TYPE") {
    if (of.type) return wrong("is a second TYPE, or one behind the first sample");
    of.type = type_of(trimmed(rest));
    return of.type ? Status() : wrong("has an unknown type");
  }
  if (!of.family.help.empty()) return wrong("is a second HELP");
  const auto help = unescaped(rest);
  if (!help) return wrong("has an unknown escape");
  of.family.help = *help;
  return {};
}

// The label list behind its {; what follows } stays in `rest`.
Result<SampleLabels> take_labels(std::string_view& rest) {
  SampleLabels labels;
  for (;;) {
    skip_blanks(rest);
    if (rest.starts_with('}')) break;
    const std::string_view name = take_name(rest, false);
    skip_blanks(rest);
    if (name.empty() || !rest.starts_with('=')) return wrong("has no label where one must be");
    if (name == "__name__") return wrong("has the label __name__, which is reserved");
    rest.remove_prefix(1);
    skip_blanks(rest);
    if (!rest.starts_with('"')) return wrong("has a label without a quoted value");
    std::size_t end = 1;
    while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
    if (end >= rest.size()) return wrong("has a label value that does not end");
    auto value = unescaped(rest.substr(1, end - 1));
    if (!value) return wrong("has an unknown escape");
    if (!valid_utf8(*value)) return wrong("has a label value that is not UTF-8");
    rest.remove_prefix(end + 1);
    labels.emplace_back(std::string(name), std::move(*value));
    skip_blanks(rest);
    if (rest.starts_with(',')) {
      rest.remove_prefix(1);
    } else if (!rest.starts_with('}')) {
      return wrong("has a label list that does not end");
    }
  }
  rest.remove_prefix(1);
  std::sort(labels.begin(), labels.end());
  const auto same = std::adjacent_find(labels.begin(), labels.end(),
                                       [](const auto& a, auto& b) { return a.first == b.first; });
  if (same != labels.end()) return wrong("has the label " + same->first + " twice");
  return labels;
}

Status Parser::sample(std::string_view rest) {
  const std::string_view name = take_name(rest, true);
  if (name.empty()) return wrong("does not begin with a metric's name");
  const auto [of, part] = owner(name);
  if (!of->type) of->type = MetricType::Untyped;
  if (rest.empty() || (rest.front() != ' ' && rest.front() != '\t' && rest.front() != '{')) {
    return wrong("does not begin with a valid name");
  }
  skip_blanks(rest);
  SampleLabels labels;
  if (rest.starts_with('{')) {
    rest.remove_prefix(1);
    auto taken = take_labels(rest);
    if (!taken) return tl::unexpected(taken.error());
    labels = std::move(*taken);
  }
  const auto value = parse_float(next_field(rest));
  if (!value) return wrong("does not hold a number");
  if (!next_field(rest).empty()) return wrong("has a timestamp, which a scrape gives itself");
  return add(*of, part, std::move(labels), *value);
}

Status Parser::add(Draft& draft, SamplePart part, SampleLabels labels, double value) {
  if (++series_ > series_max_) {
    return fail(Code::Exhausted, "is one series more than " + std::to_string(series_max_));
  }
  const bool is_histogram = draft.type == MetricType::Histogram;
  if (!is_histogram && draft.type != MetricType::Summary) {
    Sample sample{std::move(labels), value};
    if (!draft.series.insert(series_key(sample)).second)
      return wrong("has a series that is there already");
    draft.family.samples.push_back(std::move(sample));
    return {};
  }
  const std::string_view bound_label = is_histogram ? "le" : "quantile";
  const auto bound = std::find_if(labels.begin(), labels.end(),
                                  [&](const auto& label) { return label.first == bound_label; });
  std::string text;
  if (bound != labels.end()) {
    text = bound->second;
    labels.erase(bound);
  }
  return add_part(draft, part, labels, text, value);
}

Status Parser::add_part(Draft& draft, SamplePart part, const SampleLabels& labels,
                        const std::string& bound, double value) {
  const bool is_histogram = draft.type == MetricType::Histogram;
  const auto [slot, fresh] =
      draft.group_of.try_emplace(series_key({labels, 0}), draft.groups.size());
  if (fresh) draft.groups.push_back({labels, {}, 0, 0});
  Group& group = draft.groups[slot->second];
  const bool counts = part == SamplePart::Count || part == SamplePart::Bucket;
  if (counts && !(value >= 0 && std::isfinite(value))) return wrong("does not hold a count");
  if (part == SamplePart::Sum || part == SamplePart::Count) {
    const std::string key = slot->first + (part == SamplePart::Sum ? " sum" : " count");
    if (!draft.series.insert(key).second) return wrong("has a series that is there already");
    (part == SamplePart::Sum ? group.sum : group.count) = counts ? std::trunc(value) : value;
    return {};
  }
  if (is_histogram != (part == SamplePart::Bucket)) {
    return wrong(is_histogram ? "is no part of a histogram" : "is no part of a summary");
  }
  const auto limit = parse_float(bound);
  if (!limit || std::isnan(*limit)) return wrong("has no number for its le or quantile");
  if (!group.bounds.emplace(*limit, counts ? std::trunc(value) : value).second) {
    return wrong("has a series that is there already");
  }
  return {};
}

Draft& Parser::draft(std::string_view name) {
  const auto found = index_.find(name);
  if (found != index_.end()) return drafts_[found->second];
  index_.emplace(name, drafts_.size());
  drafts_.emplace_back().family.name = name;
  return drafts_.back();
}

// x_bucket, x_sum and x_count belong to x where that is known as a histogram or a summary.
std::pair<Draft*, SamplePart> Parser::owner(std::string_view name) {
  if (!index_.contains(name)) {
    for (const SamplePart part : {SamplePart::Bucket, SamplePart::Sum, SamplePart::Count}) {
      const std::string_view suffix = part_suffix(part);
      if (!name.ends_with(suffix)) continue;
      const auto base = index_.find(name.substr(0, name.size() - suffix.size()));
      if (base == index_.end()) continue;
      Draft& of = drafts_[base->second];
      if (of.type == MetricType::Histogram ||
          (of.type == MetricType::Summary && part != SamplePart::Bucket)) {
        return {&of, part};
      }
    }
  }
  return {&draft(name), SamplePart::Value};
}

void add_group(Family& family, Group group) {
  const bool is_histogram = family.type == MetricType::Histogram;
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (is_histogram) group.bounds.emplace(kInf, group.count);  // the last bucket holds all
  for (const auto& [bound, value] : group.bounds) {
    Sample sample{group.labels, value, is_histogram ? SamplePart::Bucket : SamplePart::Value};
    sample.labels.emplace_back(is_histogram ? "le" : "quantile", bound_text(bound));
    family.samples.push_back(std::move(sample));
  }
  family.samples.push_back({group.labels, group.sum, SamplePart::Sum});
  family.samples.push_back({std::move(group.labels), group.count, SamplePart::Count});
}

// A line of one family may not bear the name of another, whichever of them came first.
Status Parser::check_parts(const Draft& draft) const {
  if (draft.groups.empty()) return {};
  for (const std::string& name : part_names(draft.family.name, *draft.type)) {
    const auto other = index_.find(name);
    if (other == index_.end()) continue;
    const Draft& of = drafts_[other->second];
    if (of.family.samples.empty() && of.groups.empty()) continue;
    return wrong(name + " is a metric of its own, and a part of " + draft.family.name);
  }
  return {};
}

Result<Families> Parser::take() {
  for (const Draft& draft : drafts_) {
    if (const Status status = check_parts(draft); !status) return tl::unexpected(status.error());
  }
  Families families;
  for (Draft& draft : drafts_) {
    draft.family.type = draft.type.value_or(MetricType::Untyped);
    for (Group& group : draft.groups) add_group(draft.family, std::move(group));
    if (!draft.family.samples.empty()) families.push_back(std::move(draft.family));
  }
  return families;
}
}  // namespace

Result<Families> parse_exposition(std::string_view text, std::size_t series_max) {
  Parser parser(series_max);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const auto numbered = [&](const Error& error) {
      return fail(error.code, "line " + std::to_string(number) + " " + error.text);
    };
    if (end == std::string_view::npos) {
      return numbered({Code::InvalidArgument, "does not end: the text is cut off"});
    }
    if (const Status status = parser.line(text.substr(0, end)); !status) {
      return numbered(status.error());
    }
    text.remove_prefix(end + 1);
  }
  return parser.take();
}

// As Go's client library writes it: with an exponent below 0.0001 and from a million on.
std::string bound_text(double bound) {
  if (!std::isfinite(bound) || bound == 0) return number_text(bound);
  char buffer[32];
  const auto exact =
      std::to_chars(std::begin(buffer), std::end(buffer), bound, std::chars_format::scientific);
  std::string scientific(buffer, exact.ptr);
  std::string_view exponent = std::string_view(scientific).substr(scientific.find('e') + 1);
  const long power = parse_integer(exponent.substr(exponent.front() == '+' ? 1 : 0)).value_or(0);
  constexpr long kLeast = -4, kMost = 5;
  if (power < kLeast || power > kMost) return scientific;
  const auto fixed =
      std::to_chars(std::begin(buffer), std::end(buffer), bound, std::chars_format::fixed);
  return {buffer, fixed.ptr};
}

}  // namespace muster::collector
