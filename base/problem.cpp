#include "base/problem.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace muster {
namespace {

constexpr std::size_t kQuotedBytesMax = 60;

bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The length of the well-formed sequence at the start of `bytes`; 0: there is none.
std::size_t sequence_length(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || bytes.size() < length) return 0;
  // The second byte carries the rules against overlong forms, surrogates and above U+10FFFF.
  const unsigned low = byte(0) == 0xe0 ? 0xa0 : byte(0) == 0xf0 ? 0x90 : 0x80;
  const unsigned high = byte(0) == 0xed ? 0x9f : byte(0) == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

}  // namespace

Error to_error(const Problem& problem) {
  return {Code::InvalidArgument,
          problem.path.empty() ? problem.what : problem.path + ": " + problem.what};
}

std::string in_quotes(std::string_view outside) {
  constexpr std::array kHex{'0', '1', '2', '3', '4', '5', '6', '7',
                            '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  std::string text = "\"";
  for (const char c : outside.substr(0, kQuotedBytesMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += {'\\', c};
    } else if (control(c) || byte >= 0x80) {
      text += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      text += c;
    }
  }
  return text + (outside.size() > kQuotedBytesMax ? "...\"" : "\"");
}

bool valid_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

bool one_line_text(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), control) && valid_utf8(bytes);
}

}  // namespace muster
