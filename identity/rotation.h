// What is the next step towards a new authority, or a new key of gossip?
//
// Core: pure functions. What is to be done is derived anew each time from the replicated state and
// from what agents say that they have installed, so that a new coordinator goes on where the last
// one died. A step is taken only when nobody is left behind by it.
//
// Authority: the new one is trusted by all -> it signs, and all have their certificates renewed ->
// the old one is retired. Every node that has a valid certificate must come along, also one that is
// down: afterwards it could not come back. Who never will is revoked.
// Gossip: all open what the new key seals -> it seals -> the old keys go. Only nodes that live must
// come along: the others are told by RPC when they are back, before they are heard.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::identity {

// What a connected agent has said is durable and in use there.
struct Installed {
  std::string bundle_sha256;        // of the authorities' certificates
  std::uint64_t keys_revision = 0;  // of the gossip keys
  std::string serial;               // of its own certificate
  bool operator==(const Installed&) const = default;
};
using InstalledBy = std::map<NodeName, Installed>;

// Where a rotation stands.
enum class RotationPhase {
  None,    // none is under way
  Spread,  // the new one is made known
  Switch,  // the new one is used, the old one goes out of use
};
[[nodiscard]] std::string_view to_text(RotationPhase phase);  // "none", "spread", "switch"

struct RotationStep {
  RotationPhase phase = RotationPhase::None;
  std::vector<NodeName> waits_for;     // who is not that far
  std::optional<CommandBody> command;  // none: done, or somebody is waited for
};

// `bundle_sha256`: of the bundle that agents are told now.
[[nodiscard]] RotationStep next_authority_step(const ClusterState& state,
                                               const InstalledBy& installed,
                                               const std::string& bundle_sha256, WallTime now);
[[nodiscard]] RotationStep next_gossip_step(const ClusterState& state,
                                            const InstalledBy& installed);

// The command that begins a rotation. Fails with Conflict while one is under way, with Unavailable
// in a plain cluster.
[[nodiscard]] Result<CommandBody> begin_authority_rotation(const ClusterState& state,
                                                           AuthorityRecord fresh);
[[nodiscard]] Result<CommandBody> begin_gossip_rotation(const ClusterState& state,
                                                        const GossipKey& fresh);

}  // namespace muster::identity
