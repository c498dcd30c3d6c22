// Why may a message from outside not be believed?
//
// Core: plain values. Each reason is a label of muster_gossip_dropped_total.
#pragma once

#include <string_view>

namespace muster::health {

enum class GossipDrop {
  Malformed,     // neither a packet nor a table of ours
  Oversized,     // longer than we accept
  WrongVersion,  // a protocol version, or a format of sealing, that we do not speak
  TooMany,       // a connection beyond kGossipExchangesMax
  TooSlow,       // an exchange that was accepted and not completed in kGossipExchangeTime
  UnknownKey,    // sealed under a key that is not in our ring
  Unauthentic,   // sealed, and changed since or never by a holder of the key that it names
  Replayed,      // sealed, and taken already or too old to tell
  Unsealed,      // plain, and we have a keyring
  Sealed,        // sealed, and we have no keyring
};
inline constexpr GossipDrop kGossipDrops[] = {
    GossipDrop::Malformed, GossipDrop::Oversized,  GossipDrop::WrongVersion, GossipDrop::TooMany,
    GossipDrop::TooSlow,   GossipDrop::UnknownKey, GossipDrop::Unauthentic,  GossipDrop::Replayed,
    GossipDrop::Unsealed,  GossipDrop::Sealed};

[[nodiscard]] std::string_view to_text(GossipDrop reason);  // "malformed", "unknown-key", ...

}  // namespace muster::health
