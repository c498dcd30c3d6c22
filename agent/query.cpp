#include "agent/query.h"

#include <algorithm>
#include <charconv>

#include "base/problem.h"
#include "base/quantity.h"

namespace muster::agent {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~' || c == '/';
}

bool listed(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::string_view one = names.substr(0, names.find(','));
    if (one == name) return true;
    names.remove_prefix(std::min(names.size(), one.size() + 1));
  }
  return false;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (plain(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Result<Query> Query::parse(std::string_view raw) {
  Query query;
  while (!raw.empty()) {
    const std::string_view pair = raw.substr(0, raw.find('&'));
    raw.remove_prefix(std::min(raw.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decoded(pair.substr(0, equals));
    auto value = percent_decoded(pair.substr(std::min(pair.size(), equals + 1)));
    if (!name || !value) {
      return fail(Code::InvalidArgument,
                  in_quotes(pair) + ": a percent sign is followed by two hexadecimal digits");
    }
    if (query.find(*name) != nullptr && !name->ends_with("[]")) {
      return fail(Code::InvalidArgument, in_quotes(*name) + " is there twice");
    }
    query.pairs_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

const std::string* Query::find(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string Query::text(std::string_view name) const {
  const std::string* found = find(name);
  return found == nullptr ? std::string() : *found;
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : pairs_) {
    if (key == name) out.push_back(value);
  }
  return out;
}

Result<std::uint64_t> Query::number(std::string_view name, std::uint64_t otherwise,
                                    std::uint64_t max) const {
  const std::string* found = find(name);
  if (found == nullptr) return otherwise;
  std::uint64_t value = 0;
  const char* const begin = found->data();
  const auto [end, error] = std::from_chars(begin, begin + found->size(), value);
  const bool whole = !found->empty() && error == std::errc() && end == begin + found->size();
  if (whole && value <= max) return value;
  return fail(Code::InvalidArgument, std::string(name) + ": expected a number from 0 to " +
                                         std::to_string(max) + ", found " + in_quotes(*found));
}

Result<Duration> Query::duration(std::string_view name, Duration otherwise, Duration max) const {
  const std::string* found = find(name);
  if (found == nullptr) return otherwise;
  auto value = parse_duration(*found);
  if (value) return std::min(*value, max);
  return fail(Code::InvalidArgument, std::string(name) + ": " + value.error().text);
}

std::string Query::raw(std::string_view left_out) const {
  std::string out;
  for (const auto& [key, value] : pairs_) {
    if (listed(left_out, key)) continue;
    out += out.empty() ? "" : "&";
    out += percent_encoded(key);
    if (!value.empty()) out += "=" + percent_encoded(value);
  }
  return out;
}

std::string Query::stranger(std::string_view known) const {
  for (const auto& [key, value] : pairs_) {
    if (!listed(known, key)) return key;
  }
  return {};
}

}  // namespace muster::agent
