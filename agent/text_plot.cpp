#include "agent/text_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>
#include <utility>

#include "agent/api_response.h"
#include "base/error.h"

namespace muster::agent {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kLabelWidth = 11;  // of the axis of values
constexpr std::size_t kRowsALabel = 4;

constexpr int kDigits = 3;  // that count

std::string number(double value, int digits) {
  const double size = std::fabs(value);
  const int before = size >= 99.95 ? 3 : size >= 9.995 ? 2 : 1;
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", value == 0 ? 0 : digits - before, value);
  return text;
}

std::string scaled(double value, int digits, double base, const std::vector<const char*>& units) {
  std::size_t unit = 0;
  for (; std::fabs(value) >= base && unit + 1 < units.size(); ++unit) value /= base;
  return number(value, digits) + units[unit];
}

std::string text_of(double value, std::string_view unit, int digits) {
  if (!std::isfinite(value)) return "-";
  if (unit == "ratio") return number(value * 100, digits) + " %";
  if (unit == "bytes") {
    return scaled(value, digits, 1024, {" B", " KiB", " MiB", " GiB", " TiB", " PiB"});
  }
  if (unit == "bytes/s") {
    return scaled(value, digits, 1024, {" B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s"});
  }
  if (unit == "1/s") return scaled(value, digits, 1000, {"/s", "k/s", "M/s", "G/s"});
  if (unit == "s") {
    const double size = std::fabs(value);
    if (size == 0 || size >= 1) return number(value, digits) + " s";
    return size >= 1e-3 ? number(value * 1e3, digits) + " ms" : number(value * 1e6, digits) + " us";
  }
  if (unit == "celsius") return number(value, digits) + " C";
  return scaled(value, digits, 1000, {"", "k", "M", "G", "T"});
}

struct Bucket {
  float mean = kNone, low = kNone, high = kNone;
};

// `points` parts of the same length, the last ending where the column does.
std::vector<Bucket> buckets_of(const collector::Column& column, std::size_t points) {
  const std::size_t size = column.mean.size();
  std::vector<Bucket> buckets(std::min(points, size));
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    Bucket& bucket = buckets[i];
    double sum = 0;
    int count = 0;
    for (std::size_t at = i * size / buckets.size(); at < (i + 1) * size / buckets.size(); ++at) {
      if (!std::isfinite(column.mean[at])) continue;
      const float low = column.low.empty() ? column.mean[at] : column.low[at];
      const float high = column.high.empty() ? column.mean[at] : column.high[at];
      bucket.low = ++count == 1 ? low : std::min(bucket.low, low);
      bucket.high = count == 1 ? high : std::max(bucket.high, high);
      sum += static_cast<double>(column.mean[at]);
    }
    if (count > 0) bucket.mean = static_cast<float>(sum / count);
  }
  return buckets;
}

// 1, 2, 2.5 or 5 times a power of ten, not below `value`.
double rounded_up(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 2.5, 5.0}) {
    if (step * power >= value * (1 - 1e-6)) return step * power;
  }
  return 10 * power;
}

struct Axis {
  double bottom = 0;
  double top = 1;
  // Of the row that is so many above the lowest.
  [[nodiscard]] double value(std::size_t row, std::size_t rows) const {
    return bottom + (top - bottom) * static_cast<double>(row) / static_cast<double>(rows - 1);
  }
};

// From 0 unless that would hide all that happens.
Axis axis_of(const PlotRange& range) {
  constexpr double kFarFromZero = 0.6;
  Axis axis;
  if (range.points == 0) return axis;
  axis.bottom = range.low >= 0 && range.low < kFarFromZero * range.high ? 0 : range.low;
  axis.top = range.high > 0 && axis.bottom == 0 ? rounded_up(range.high) : range.high;
  if (axis.top > axis.bottom) return axis;
  if (axis.bottom > 0) axis.bottom = 0;
  if (axis.top <= axis.bottom) axis.top = axis.bottom + 1;
  return axis;
}

std::size_t row_of(double value, const Axis& axis, std::size_t rows) {
  const double share = (value - axis.bottom) / (axis.top - axis.bottom);
  const auto row = std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(rows - 1));
  return static_cast<std::size_t>(row);
}

// Of each row, the lowest first; most have none. Their digits tell them apart, where there is room.
std::vector<std::string> labels_of(const Axis& axis, std::string_view unit, std::size_t rows) {
  constexpr int kDigitsMax = 5;
  std::vector<std::string> labels(rows);
  for (int digits = kDigits; digits <= kDigitsMax; ++digits) {
    std::vector<std::string> tried(rows);
    std::set<std::string> different;
    std::size_t longest = 0;
    std::size_t labelled = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      if ((rows - 1 - row) % kRowsALabel != 0 && row != 0) continue;
      tried[row] = text_of(axis.value(row, rows), unit, digits);
      longest = std::max(longest, tried[row].size());
      different.insert(tried[row]);
      ++labelled;
    }
    if (digits > kDigits && longest > kLabelWidth - 1) return labels;
    labels = std::move(tried);
    if (different.size() == labelled) return labels;
  }
  return labels;
}

std::string time_text(WallTime at, bool with_day) {
  const std::string text = rfc3339(at);  // 2026-01-31T12:00:00.000Z
  return with_day ? text.substr(5, 5) + " " + text.substr(11, 5) : text.substr(11, 8);
}

void put(std::string& line, std::size_t at, const std::string& text) {
  if (line.size() < at + text.size()) line.resize(at + text.size(), ' ');
  line.replace(at, text.size(), text);
}

void end_line(std::string& out, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace

std::string value_text(double value, std::string_view unit) {
  return text_of(value, unit, kDigits);
}

std::string sparkline(const std::vector<float>& values, std::size_t width, float most,
                      bool blocks) {
  static constexpr std::array kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr std::array kPlain{"_", ".", "-", "=", "+", "*", "%", "#"};
  const std::vector<Bucket> buckets = buckets_of({values, {}, {}}, width);
  float full = most;
  for (const Bucket& bucket : buckets) {
    if (most <= 0 && std::isfinite(bucket.mean)) full = std::max(full, bucket.mean);
  }
  std::string line(width - buckets.size(), ' ');
  for (const Bucket& bucket : buckets) {
    if (!std::isfinite(bucket.mean)) {
      line += ' ';
      continue;
    }
    const float share = full > 0 ? std::clamp(bucket.mean / full, 0.0F, 1.0F) : 0;
    const auto step = static_cast<std::size_t>(std::lround(share * 7));
    line += blocks ? kBlocks[step] : kPlain[step];
  }
  return line;
}

PlotRange range_of(const collector::Column& column) {
  PlotRange range;
  double sum = 0;
  for (std::size_t i = 0; i < column.mean.size(); ++i) {
    if (!std::isfinite(column.mean[i])) continue;
    const auto low = static_cast<double>(column.low.empty() ? column.mean[i] : column.low[i]);
    const auto high = static_cast<double>(column.high.empty() ? column.mean[i] : column.high[i]);
    range.low = range.points == 0 ? low : std::min(range.low, low);
    range.high = range.points == 0 ? high : std::max(range.high, high);
    ++range.points;
    sum += static_cast<double>(column.mean[i]);
  }
  if (range.points > 0) range.mean = sum / static_cast<double>(range.points);
  return range;
}

std::string plot_text(const collector::Column& column, std::string_view unit, WallTime from,
                      Duration step, std::size_t columns, std::size_t rows) {
  CHECK(columns >= 40 && rows >= 6 && !column.mean.empty());
  const std::size_t width = columns - kLabelWidth - 1;
  const std::size_t height = rows - 2;
  const Axis axis = axis_of(range_of(column));
  const std::vector<Bucket> buckets = buckets_of(column, width);
  std::vector<std::string> lines(height, std::string(width, ' '));  // the lowest first
  for (std::size_t at = 0; at < width; ++at) {
    const Bucket& bucket = buckets[at * buckets.size() / width];  // fewer points are drawn broader
    if (!std::isfinite(bucket.mean)) continue;
    const std::size_t top = row_of(static_cast<double>(bucket.high), axis, height);
    for (std::size_t row = row_of(static_cast<double>(bucket.low), axis, height); row <= top;
         ++row) {
      lines[row][at] = ':';
    }
    lines[row_of(static_cast<double>(bucket.mean), axis, height)][at] = '*';
  }
  std::string out;
  const std::vector<std::string> labels = labels_of(axis, unit, height);
  for (std::size_t row = height; row-- > 0;) {
    const std::string& label = labels[row];
    std::string line(kLabelWidth - 1 - std::min(kLabelWidth - 1, label.size()), ' ');
    end_line(out, line + label + (label.empty() ? " |" : " +") + lines[row]);
  }
  out += std::string(kLabelWidth, ' ') + "+" + std::string(width, '-') + "\n";
  const Duration whole = step * static_cast<std::int64_t>(column.mean.size());
  const bool with_day = whole > std::chrono::hours(24);
  const auto at = [&](Duration after) {
    return time_text(from + std::chrono::duration_cast<std::chrono::milliseconds>(after), with_day);
  };
  const std::string last = at(whole);
  const std::string middle = at(whole / 2);
  std::string times;
  put(times, kLabelWidth, at(Duration::zero()));
  put(times, kLabelWidth + 1 + (width - middle.size()) / 2, middle);
  put(times, columns - last.size(), last);
  end_line(out, times);
  return out;
}

}  // namespace muster::agent
