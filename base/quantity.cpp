#include "base/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/problem.h"

namespace muster {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr double kSecondsMax = 100.0 * 366 * 24 * 3600;
constexpr double kSizeMax = 9007199254740992.0;  // 2^53: up to there doubles hold every integer
constexpr double kCoresMax = 1e6;

// Splits "12.5ms" into 12.5 and "ms". Nothing when it does not begin with a plain number.
std::optional<std::pair<double, std::string_view>> split_number(std::string_view text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view digits = text.substr(0, length);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number,
                                            std::chars_format::fixed);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!whole || digits.front() == '.' || digits.back() == '.') return std::nullopt;
  return std::pair{number, text.substr(length)};
}

Result<Duration> to_duration(double in_seconds, std::string_view text) {
  if (in_seconds > kSecondsMax) {
    return fail(Code::InvalidArgument, in_quotes(text) + " is longer than 100 years");
  }
  return Duration(std::llround(in_seconds * 1e9));
}

std::optional<double> size_unit(std::string_view unit) {
  constexpr std::string_view kPrefixes = "KMGT";
  if (unit.empty() || unit == "B") return 1;
  const std::size_t power = kPrefixes.find(unit.front());
  if (power == std::string_view::npos) return std::nullopt;
  unit.remove_prefix(1);
  const bool binary = unit.starts_with('i');
  if (binary) unit.remove_prefix(1);
  if (!unit.empty() && unit != "B") return std::nullopt;
  return std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  constexpr std::array kUnits{Unit{"d", 86'400}, Unit{"h", 3600}, Unit{"ms", 1e-3}, Unit{"m", 60},
                              Unit{"s", 1}};
  double sum = 0;
  double smallest = kSecondsMax;
  std::string_view rest = text;
  do {
    const auto parts = split_number(rest);
    const auto* const unit =
        !parts ? kUnits.end() : std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) {
          return parts->second.starts_with(u.name);
        });
    if (unit == kUnits.end() || unit->seconds >= smallest) {
      return fail(Code::InvalidArgument,
                  in_quotes(text) +
                      " is not a duration: write a number with its unit, such as 500ms, 10s, "
                      "5m, 1h or 7d");
    }
    sum += parts->first * unit->seconds;
    smallest = unit->seconds;
    rest = parts->second.substr(unit->name.size());
  } while (!rest.empty());
  return to_duration(sum, text);
}

Result<Duration> parse_seconds(std::string_view text) {
  const auto parts = split_number(text);
  if (parts && parts->second.empty()) return to_duration(parts->first, text);
  return fail(Code::InvalidArgument,
              in_quotes(text) +
                  " is not a number of seconds: write it without a unit, such as 10 or "
                  "0.2");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto parts = split_number(text);
  const auto unit = parts ? size_unit(parts->second) : std::nullopt;
  if (!unit) {
    return fail(Code::InvalidArgument,
                in_quotes(text) +
                    " is not a size: write bytes, or a number with KiB, MiB, GiB, TiB, K, "
                    "M, G or T, such as 256MiB");
  }
  const double bytes = parts->first * *unit;
  if (bytes > kSizeMax)
    return fail(Code::InvalidArgument, in_quotes(text) + " is larger than 8192TiB");
  return static_cast<std::uint64_t>(bytes);
}

Result<std::uint32_t> parse_cpu(std::string_view text) {
  const auto parts = split_number(text);
  if (parts && (parts->second.empty() || parts->second == "m")) {
    const double millis = parts->second.empty() ? parts->first * 1000 : parts->first;
    if (millis > kCoresMax * 1000) {
      return fail(Code::InvalidArgument, in_quotes(text) + " is more than 1000000 cores");
    }
    const double rounded = std::round(millis);
    if (std::abs(millis - rounded) < 1e-4) return static_cast<std::uint32_t>(rounded);
  }
  return fail(Code::InvalidArgument,
              in_quotes(text) +
                  " is not a share of processors: write thousandths of a core such as "
                  "500m, or cores with up to three decimals such as 1.5");
}

std::string duration_text(Duration duration) {
  const auto whole = [&](Duration unit) { return duration.count() % unit.count() == 0; };
  const auto in = [&](Duration unit) { return std::to_string(duration / unit); };
  if (duration.count() == 0) return "0s";
  if (whole(hours(1))) return in(hours(1)) + "h";
  if (whole(minutes(1))) return in(minutes(1)) + "m";
  if (whole(std::chrono::seconds(1))) return in(std::chrono::seconds(1)) + "s";
  if (whole(milliseconds(1))) return in(milliseconds(1)) + "ms";
  std::array<char, 32> buffer{};
  const double millis = std::round(static_cast<double>(duration.count()) / 1e3) / 1e3;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), millis);
  return error == std::errc{} ? std::string(buffer.data(), end) + "ms" : "0ms";
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + std::string(kUnits[unit]);
}

}  // namespace muster
