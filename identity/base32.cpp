#include "identity/base32.h"

#include <cstdint>

#include "base/error.h"

namespace muster::identity {
namespace {

constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t kGroupBytes = 5;
constexpr std::size_t kGroupDigits = 8;

}  // namespace

std::string base32(std::string_view bytes) {
  CHECK(bytes.size() % kGroupBytes == 0);
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += kGroupBytes) {
    std::uint64_t group = 0;
    for (std::size_t i = 0; i < kGroupBytes; ++i) {
      group = group << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    for (std::size_t i = kGroupDigits; i-- > 0;) text.push_back(kDigits[(group >> (5 * i)) & 31]);
  }
  return text;
}

std::optional<std::string> from_base32(std::string_view text) {
  if (text.size() % kGroupDigits != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += kGroupDigits) {
    std::uint64_t group = 0;
    for (std::size_t i = 0; i < kGroupDigits; ++i) {
      const std::size_t digit = kDigits.find(text[at + i]);
      if (digit == std::string_view::npos) return std::nullopt;
      group = group << 5 | digit;
    }
    for (std::size_t i = kGroupBytes; i-- > 0;) {
      bytes.push_back(static_cast<char>((group >> (8 * i)) & 0xff));
    }
  }
  return bytes;
}

}  // namespace muster::identity
