#include "collector/scrape.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace muster::collector {
namespace {

using Type = ScrapeRequest::Type;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 0x20) : x) == y;
  });
}

// What stands before `separator`, which goes with it.
std::string_view take(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return trimmed(part);
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Wish {  // one element of an Accept or an Accept-Encoding header
  std::string_view name;
  std::string_view version;  // empty: any
  double q = 1;
};

Wish parse_wish(std::string_view element) {
  Wish wish;
  wish.name = take(element, ';');
  while (!element.empty()) {
    std::string_view value = take(element, ';');
    const std::string_view key = take(value, '=');
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
      value = value.substr(1, value.size() - 2);
    }
    if (same(key, "version")) wish.version = value;
    if (same(key, "q")) {
      const double q = number(value).value_or(0);
      wish.q = q > 0 && q <= 1 ? q : 0;
    }
  }
  return wish;
}

std::optional<Type> meant(const Wish& wish) {
  const std::string_view version = wish.version;
  if (same(wish.name, "application/openmetrics-text")) {
    if (version.empty() || version == "1.0.0") return Type::OpenMetrics100;
    if (version == "0.0.1") return Type::OpenMetrics001;
  }
  if (same(wish.name, "text/plain") && (version.empty() || version == "0.0.4")) {
    return Type::Text004;
  }
  if (same(wish.name, "text/*") || same(wish.name, "*/*")) return Type::Text004;
  return std::nullopt;
}
}  // namespace

Format format(Type type) { return type == Type::Text004 ? Format::Text : Format::OpenMetrics; }

std::string_view content_type(Type type) {
  switch (type) {
    case Type::Text004: break;
    case Type::OpenMetrics001: return "application/openmetrics-text; version=0.0.1; charset=utf-8";
    case Type::OpenMetrics100: return "application/openmetrics-text; version=1.0.0; charset=utf-8";
  }
  return "text/plain; version=0.0.4; charset=utf-8";
}

Type accepted_type(std::string_view accept) {
  Type best = Type::Text004;
  double best_q = 0;
  while (!accept.empty()) {
    const Wish wish = parse_wish(take(accept, ','));
    const auto type = meant(wish);
    if (type && wish.q > best_q) {
      best = *type;
      best_q = wish.q;
    }
  }
  return best;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const Wish wish = parse_wish(take(accept_encoding, ','));
    if (same(wish.name, "gzip")) return wish.q > 0;
    if (wish.name == "*") any = wish.q > 0;
  }
  return any;
}

Duration scrape_time(std::string_view timeout) {
  constexpr double kDefault = 10;
  constexpr double kMin = 0.1;
  constexpr double kMax = 60;
  const double given = number(trimmed(timeout)).value_or(kDefault);
  const double whole = given > 0 ? std::clamp(given, kMin, kMax) : kDefault;
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(whole - std::min(0.5, whole / 4)));
}

}  // namespace muster::collector
