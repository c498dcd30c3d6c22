#include "identity/rotation.h"

#include <algorithm>
#include <utility>

namespace muster::identity {
namespace {

const AuthorityRecord* active_of(const ClusterState& state) {
  for (const auto& [id, authority] : state.authorities) {
    if (authority.active) return &authority;
  }
  return nullptr;
}

// Nodes with a certificate that is valid now and of which `behind` says that they are.
template <class Behind>
std::vector<NodeName> nodes_behind(const ClusterState& state, const InstalledBy& installed,
                                   WallTime now, const Behind& behind) {
  std::vector<NodeName> waits_for;
  for (const auto& [node, certificate] : state.certificates) {
    if (certificate.expires <= now) continue;
    const auto said = installed.find(node);
    if (said == installed.end() || behind(certificate, said->second)) waits_for.push_back(node);
  }
  return waits_for;
}

RotationStep step(RotationPhase phase, std::vector<NodeName> waits_for, CommandBody command) {
  RotationStep made{phase, std::move(waits_for), std::nullopt};
  if (made.waits_for.empty()) made.command = std::move(command);
  return made;
}

}  // namespace

std::string_view to_text(RotationPhase phase) {
  switch (phase) {
    case RotationPhase::None: return "none";
    case RotationPhase::Spread: return "spread";
    case RotationPhase::Switch: return "switch";
  }
  return "none";
}

RotationStep next_authority_step(const ClusterState& state, const InstalledBy& installed,
                                 const std::string& bundle_sha256, WallTime now) {
  const AuthorityRecord* const active = active_of(state);
  if (active == nullptr) return {};
  const AuthorityRecord* other = nullptr;  // the newest of those that do not sign
  for (const auto& [id, authority] : state.authorities) {
    if (!authority.active && (other == nullptr || authority.created > other->created)) {
      other = &authority;
    }
  }
  if (other == nullptr) return {};
  if (other->created > active->created) {
    AuthorityRecord signing = *other;
    signing.active = true;
    return step(RotationPhase::Spread,
                nodes_behind(state, installed, now,
                             [&](const CertificateRecord&, const Installed& said) {
                               return said.bundle_sha256 != bundle_sha256;
                             }),
                PutAuthority{std::move(signing)});
  }
  // A node that was given a new certificate may have crashed before it kept it.
  return step(RotationPhase::Switch,
              nodes_behind(state, installed, now,
                           [&](const CertificateRecord& certificate, const Installed& said) {
                             return certificate.authority != active->id ||
                                    said.serial != certificate.serial;
                           }),
              RetireAuthority{other->id});
}

RotationStep next_gossip_step(const ClusterState& state, const InstalledBy& installed) {
  const GossipKeys& ring = state.gossip_keys;
  if (ring.keys.size() < 2) return {};
  std::vector<NodeName> waits_for;
  for (const auto& [name, node] : state.nodes) {
    if (node.state != NodeState::Alive) continue;
    const auto said = installed.find(name);
    if (said == installed.end() || said->second.keys_revision < ring.revision) {
      waits_for.push_back(name);
    }
  }
  const GossipKey& fresh = ring.keys.back();
  if (ring.primary != fresh.id) {
    return step(RotationPhase::Spread, std::move(waits_for), PutGossipKeys{ring.keys, fresh.id});
  }
  return step(RotationPhase::Switch, std::move(waits_for), PutGossipKeys{{fresh}, fresh.id});
}

Result<CommandBody> begin_authority_rotation(const ClusterState& state, AuthorityRecord fresh) {
  const AuthorityRecord* const active = active_of(state);
  if (active == nullptr) {
    return fail(Code::Unavailable,
                "this cluster has no authority: `muster init` makes a secured cluster");
  }
  if (state.authorities.size() > 1) {
    return fail(
        Code::Conflict,
        "a change of the authority is under way, and only one is at a time: `muster ca status` "
        "says who is waited for; a node that is down holds it up until `muster revoke`");
  }
  fresh.active = false;
  // Which one is the newer is told by this; clocks of two masters may differ.
  fresh.created = std::max(fresh.created, active->created + std::chrono::milliseconds(1));
  return PutAuthority{std::move(fresh)};
}

Result<CommandBody> begin_gossip_rotation(const ClusterState& state, const GossipKey& fresh) {
  const GossipKeys& ring = state.gossip_keys;
  if (ring.keys.empty()) {
    return fail(Code::Unavailable,
                "the masters do not drive this cluster's gossip keys: change the keyring files "
                "with `muster keyring add`, or make a secured cluster with `muster init`");
  }
  if (ring.keys.size() > 1) {
    return fail(Code::Conflict,
                "a change of the gossip key is under way, and only one is at a time: `muster ca "
                "status` says who is waited for");
  }
  return PutGossipKeys{{ring.keys.front(), fresh}, ring.primary};
}

}  // namespace muster::identity
