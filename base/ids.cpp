#include "base/ids.h"

#include <algorithm>
#include <charconv>

namespace muster {
namespace {

bool alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// 0 to 255 in decimal. A leading zero is refused: some resolvers read it as octal.
bool octet(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return false;
  return value <= 255 && (digits.size() == 1 || digits.front() != '0');
}

}  // namespace

bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > 63) return false;
  if (!alphanumeric(name.front()) || !alphanumeric(name.back())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return alphanumeric(c) || c == '.' || c == '-'; });
}

std::uint64_t fnv1a64(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = seed;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

Result<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto wrong = [&] {
    return fail(
        Code::InvalidArgument,
        "\"" + std::string(text) + "\" is not an address: write host:port, port 1 to 65535");
  };
  if (colon == std::string_view::npos || colon == 0) return wrong();
  const std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535) {
    return wrong();
  }
  return Address{std::string(text.substr(0, colon)), static_cast<std::uint16_t>(port)};
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  host.remove_prefix(4);
  for (const bool last : {false, false, true}) {
    const auto dot = host.find('.');
    if ((dot == std::string_view::npos) != last || !octet(host.substr(0, dot))) return false;
    if (!last) host.remove_prefix(dot + 1);
  }
  return true;
}

}  // namespace muster
