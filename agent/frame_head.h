// Where does a frame begin and end on a stream? Its length in four bytes, big-endian, goes before
// it.
//
// A core: no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace muster::agent {

inline constexpr std::size_t kHeadBytes = 4;

[[nodiscard]] inline std::string with_length(const std::string& body) {
  const auto size = static_cast<std::uint32_t>(body.size());
  std::string framed;
  framed.reserve(body.size() + kHeadBytes);
  for (const int shift : {24, 16, 8, 0}) {
    framed.push_back(static_cast<char>((size >> shift) & 0xffU));
  }
  return framed += body;
}

// Of the body. Pre: bytes.size() >= kHeadBytes.
[[nodiscard]] inline std::size_t length_at(std::string_view bytes) {
  CHECK(bytes.size() >= kHeadBytes);
  std::size_t length = 0;
  for (const char byte : bytes.substr(0, kHeadBytes)) {
    length = (length << 8) | static_cast<unsigned char>(byte);
  }
  return length;
}

}  // namespace muster::agent
