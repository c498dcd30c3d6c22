// How does a sealed message look from outside?
//
// Core: plain values and functions, no key and no cipher (those are in health/openssl_sealer.h).
//
//   'S'  format  key id  session  counter  ciphertext  tag
//    1     1        4       8        6        as long     16    bytes, numbers big-endian
//
// The first 20 bytes are the associated data of AES-256-GCM, whose nonce is the counter behind six
// zero bytes, and whose key is derived from the ring's key and the session: so each session has a
// key of its own, and in it no counter comes twice.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster::health {

inline constexpr char kSealMark = 'S';
inline constexpr unsigned char kSealFormat = 1;
inline constexpr std::size_t kSealHeadBytes = 20;
inline constexpr std::size_t kSealTagBytes = 16;
inline constexpr std::size_t kSealOverheadBytes = kSealHeadBytes + kSealTagBytes;
inline constexpr std::uint64_t kSealCounterMax = (std::uint64_t{1} << 48) - 1;

// A datagram sealed as such is never taken as a frame of a stream, nor the other way round.
enum class SealKind { Datagram, Stream };

// Which key of a ring; the first bytes of a digest of it, so that it says nothing about the key.
using KeyId = std::uint32_t;
[[nodiscard]] std::string key_id_text(KeyId id);  // eight hexadecimal digits
[[nodiscard]] std::optional<KeyId> parse_key_id(std::string_view text);

struct SealHead {
  KeyId key = 0;
  std::uint64_t session = 0;  // random: of one process, one kind of message
  std::uint64_t counter = 0;  // 1 and up to kSealCounterMax
  bool operator==(const SealHead&) const = default;
};

[[nodiscard]] std::string encode_seal_head(const SealHead& head);  // kSealHeadBytes
// Of a message that begins with kSealMark and kSealFormat; nothing when it is too short to be one.
[[nodiscard]] std::optional<SealHead> decode_seal_head(std::string_view bytes);

using SealNonce = std::array<unsigned char, 12>;
[[nodiscard]] SealNonce nonce_of(std::uint64_t counter);

}  // namespace muster::health
