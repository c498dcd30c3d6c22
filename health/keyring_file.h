// What is written in a keyring file, and how does it change?
//
// Core: text in, keys out, and back. It knows no cipher and no file system (health/posix_keyring.h
// does). Text: one key a line, base64 of 32 bytes; the first key seals, every key opens; what
// follows # is a comment, and stays where it is when the file is changed. No error holds any part
// of a key.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace muster::health {

inline constexpr std::size_t kKeysMax = 16;
inline constexpr std::size_t kKeyringBytesMax = std::size_t{64} << 10;
using RingKey = std::array<unsigned char, 32>;

class KeyringFile {
 public:
  // `file` is what errors call the text: `FILE:LINE: what, and what to do`. Fails with
  // InvalidArgument; an empty keyring is refused too.
  [[nodiscard]] static Result<KeyringFile> parse(std::string_view text, const std::string& file);
  // One key under a comment that says what this file is.
  [[nodiscard]] static KeyringFile with_key(const RingKey& key);

  [[nodiscard]] const std::vector<RingKey>& keys() const { return keys_; }  // never empty
  [[nodiscard]] std::string text() const;  // parse() gives the same keys

  // Behind the others: it opens and does not seal yet. Fails with Conflict when the key is there,
  // with Exhausted beyond kKeysMax, with InvalidArgument when it is weak.
  [[nodiscard]] Status add(const RingKey& key);
  void use(std::size_t index);  // makes it the first. Pre: index < keys().size()
  // Fails with Conflict for the first key, which seals.
  [[nodiscard]] Status remove(std::size_t index);

 private:
  struct Line {
    std::string text;
    bool key = false;
  };
  [[nodiscard]] std::size_t line_of(std::size_t index) const;
  std::vector<Line> lines_;  // as many with `key` as there are keys, in their order
  std::vector<RingKey> keys_;
};

// One key as it stands in a file. Fails with InvalidArgument, saying what is wrong with it.
[[nodiscard]] Result<RingKey> parse_ring_key(std::string_view text);
[[nodiscard]] std::string ring_key_text(const RingKey& key);

}  // namespace muster::health
