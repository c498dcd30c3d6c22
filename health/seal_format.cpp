#include "health/seal_format.h"

#include <charconv>

namespace muster::health {
namespace {

constexpr int kKeyIdDigits = 8;

void append(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((number >> shift) & 0xff));
  }
}

std::uint64_t take(std::string_view& bytes, std::size_t count) {
  std::uint64_t number = 0;
  for (const char byte : bytes.substr(0, count)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  bytes.remove_prefix(count);
  return number;
}

}  // namespace

std::string key_id_text(KeyId id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 4 * (kKeyIdDigits - 1); shift >= 0; shift -= 4) {
    text.push_back(kDigits[(id >> shift) & 0xf]);
  }
  return text;
}

std::optional<KeyId> parse_key_id(std::string_view text) {
  KeyId id = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, id, 16);
  if (text.size() != kKeyIdDigits || failure != std::errc{} || stopped != end) return std::nullopt;
  return id;
}

std::string encode_seal_head(const SealHead& head) {
  std::string bytes{kSealMark, static_cast<char>(kSealFormat)};
  append(bytes, head.key, 4);
  append(bytes, head.session, 8);
  append(bytes, head.counter, 6);
  return bytes;
}

std::optional<SealHead> decode_seal_head(std::string_view bytes) {
  if (bytes.size() < kSealOverheadBytes) return std::nullopt;
  bytes.remove_prefix(2);
  SealHead head;
  head.key = static_cast<KeyId>(take(bytes, 4));
  head.session = take(bytes, 8);
  head.counter = take(bytes, 6);
  return head;
}

SealNonce nonce_of(std::uint64_t counter) {
  SealNonce nonce{};
  for (std::size_t i = nonce.size(); counter != 0 && i > 0; counter >>= 8) {
    nonce[--i] = static_cast<unsigned char>(counter & 0xff);
  }
  return nonce;
}

}  // namespace muster::health
