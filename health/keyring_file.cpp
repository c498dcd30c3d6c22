#include "health/keyring_file.h"

#include <algorithm>
#include <cstdint>

namespace muster::health {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kTitle =
    "# muster keyring: a secret of this cluster. One key a line; the first seals, all open.";
constexpr std::size_t kKeyChars = 44;  // 32 bytes in base64: 43 digits and one =

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// A key that somebody typed, not one that was drawn.
bool is_weak(const RingKey& key) {
  return std::all_of(key.begin(), key.end(), [&](unsigned char byte) { return byte == key[0]; });
}

tl::unexpected<Error> weak() {
  return fail(Code::InvalidArgument,
              "this key is not random: make one with `muster keyring add` or `openssl rand -base64 "
              "32`");
}

}  // namespace

Result<RingKey> parse_ring_key(std::string_view text) {
  const std::string_view digits = trimmed(text);
  const auto refuse = [](const std::string& why) {
    return fail(Code::InvalidArgument,
                why + ": a key is 32 random bytes in base64, which is 43 characters and one =");
  };
  for (const char c : digits.substr(0, digits.find('='))) {
    if (kDigits.find(c) == std::string_view::npos) return refuse("this is not base64");
  }
  if (digits.size() != kKeyChars || digits.find('=') != kKeyChars - 1) {
    return refuse("this is " + std::to_string(digits.size()) + " characters, not a whole key");
  }
  RingKey key{};
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t filled = 0;
  for (const char c : digits.substr(0, kKeyChars - 1)) {
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(c));
    held += 6;
    if (held < 8) continue;
    held -= 8;
    key[filled++] = static_cast<unsigned char>((bits >> held) & 0xff);
  }
  // Bits beyond the last byte: the same key would have two spellings.
  if ((bits & 3) != 0) return refuse("its last character stands for more than 32 bytes");
  if (is_weak(key)) return weak();
  return key;
}

std::string ring_key_text(const RingKey& key) {
  std::string text;
  std::uint32_t bits = 0;
  int held = 0;
  for (const unsigned char byte : key) {
    bits = bits << 8 | byte;
    for (held += 8; held >= 6;) {
      held -= 6;
      text.push_back(kDigits[(bits >> held) & 0x3f]);
    }
  }
  text.push_back(kDigits[(bits << (6 - held)) & 0x3f]);
  text.push_back('=');
  return text;
}

Result<KeyringFile> KeyringFile::parse(std::string_view text, const std::string& file) {
  if (text.size() > kKeyringBytesMax) {
    return fail(Code::InvalidArgument, file + ": is larger than " +
                                           std::to_string(kKeyringBytesMax) +
                                           " bytes, so it is no keyring");
  }
  KeyringFile ring;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view content = trimmed(line.substr(0, line.find('#')));
    ring.lines_.push_back({std::string(line), !content.empty()});
    if (content.empty()) continue;
    const std::string at = file + ":" + std::to_string(ring.lines_.size()) + ": ";
    const Result<RingKey> key = parse_ring_key(content);
    if (!key) return fail(key.error().code, at + key.error().text);
    const auto same = std::find(ring.keys_.begin(), ring.keys_.end(), *key);
    if (same != ring.keys_.end()) {
      const std::size_t first =
          ring.line_of(static_cast<std::size_t>(same - ring.keys_.begin())) + 1;
      return fail(Code::InvalidArgument, at + "this key stands in line " + std::to_string(first) +
                                             " already: take one of them out");
    }
    if (ring.keys_.size() == kKeysMax) {
      return fail(Code::InvalidArgument, at + "this is one key more than the " +
                                             std::to_string(kKeysMax) +
                                             " that a ring may hold: take out old ones");
    }
    ring.keys_.push_back(*key);
  }
  if (ring.keys_.empty()) {
    return fail(Code::InvalidArgument,
                file + ": holds no key: remove it and run `muster keyring generate`");
  }
  return ring;
}

KeyringFile KeyringFile::with_key(const RingKey& key) {
  KeyringFile ring;
  ring.lines_ = {{std::string(kTitle), false}, {ring_key_text(key), true}};
  ring.keys_ = {key};
  return ring;
}

std::string KeyringFile::text() const {
  std::string text;
  for (const Line& line : lines_) text += line.text + "\n";
  return text;
}

Status KeyringFile::add(const RingKey& key) {
  if (is_weak(key)) return weak();
  if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) {
    return fail(Code::Conflict, "the ring holds this key already");
  }
  if (keys_.size() == kKeysMax) {
    return fail(Code::Exhausted, "the ring holds " + std::to_string(kKeysMax) +
                                     " keys, which is all that it may: remove old ones first");
  }
  lines_.push_back({ring_key_text(key), true});
  keys_.push_back(key);
  return {};
}

void KeyringFile::use(std::size_t index) {
  CHECK(index < keys_.size());
  const auto moved = static_cast<std::ptrdiff_t>(line_of(index));
  const auto first = static_cast<std::ptrdiff_t>(line_of(0));
  std::rotate(lines_.begin() + first, lines_.begin() + moved, lines_.begin() + moved + 1);
  const auto at = static_cast<std::ptrdiff_t>(index);
  std::rotate(keys_.begin(), keys_.begin() + at, keys_.begin() + at + 1);
}

Status KeyringFile::remove(std::size_t index) {
  CHECK(index < keys_.size());
  if (index == 0) {
    return fail(Code::Conflict, keys_.size() == 1
                                    ? "it is the only key: add another one and use that first"
                                    : "it is the key that seals: use another one first");
  }
  lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(line_of(index)));
  keys_.erase(keys_.begin() + static_cast<std::ptrdiff_t>(index));
  return {};
}

std::size_t KeyringFile::line_of(std::size_t index) const {
  std::size_t at = 0;
  for (std::size_t keys = 0;; ++at) {
    CHECK(at < lines_.size());
    if (lines_[at].key && keys++ == index) return at;
  }
}

}  // namespace muster::health
