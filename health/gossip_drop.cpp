#include "health/gossip_drop.h"

namespace muster::health {

std::string_view to_text(GossipDrop reason) {
  switch (reason) {
    case GossipDrop::Malformed: return "malformed";
    case GossipDrop::Oversized: return "oversized";
    case GossipDrop::WrongVersion: return "wrong-version";
    case GossipDrop::TooMany: return "too-many";
    case GossipDrop::TooSlow: return "too-slow";
    case GossipDrop::UnknownKey: return "unknown-key";
    case GossipDrop::Unauthentic: return "unauthentic";
    case GossipDrop::Replayed: return "replayed";
    case GossipDrop::Unsealed: return "unsealed";
    case GossipDrop::Sealed: return "sealed";
  }
  return "malformed";
}

}  // namespace muster::health
