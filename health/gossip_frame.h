// What stands around a gossip message on its way?
//
// Core: pure functions. Plain, a message begins with a mark and the version of the protocol that it
// is written in; the whole may then be sealed (health/seal_format.h); on a stream its length comes
// before that, in 4 bytes, big-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "health/gossip_drop.h"

namespace muster::health {

inline constexpr char kGossipMark = 'M';            // a datagram, or a table on a stream
inline constexpr char kStreamPingMark = 'P';        // a packet on a stream
inline constexpr std::size_t kGossipHeadBytes = 2;  // mark and version

[[nodiscard]] std::string with_head(char mark, std::uint32_t version, const std::string& message);
// Why the bytes cannot be a message with this mark, judged by their head alone.
[[nodiscard]] std::optional<GossipDrop> head_refused(std::string_view bytes, char mark);
// Pre: !head_refused(bytes, ...).
[[nodiscard]] std::uint32_t version_of(std::string_view bytes);

using GossipLength = std::array<unsigned char, 4>;
[[nodiscard]] std::string framed(const std::string& body);  // behind its length
[[nodiscard]] std::size_t length_of(const GossipLength& bytes);

}  // namespace muster::health
