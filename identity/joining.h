// May this node join, or have its certificate renewed, and what is it given?
//
// Core: pure functions of the replicated state. They decide what is to be signed; the signer is a
// driver (identity/openssl_authority.h); what was signed is handed out only when the command that
// records it was applied. No error holds a secret.
//
//   admit() or admit_renewal() -> SignOrder -> signed -> command -> applied -> is_current() ->
//   answer
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"
#include "base/identity.h"
#include "identity/issue.h"

namespace muster::identity {

struct JoinRequest {
  std::string token;    // as it was given out; a secret
  NodeName name;        // that the node wants
  std::string request;  // for a certificate, PEM
  WallTime clock{};     // of the node that asks
};

struct JoinAnswer {
  std::string cluster;
  std::string cluster_id;
  NodeRole role = NodeRole::Agent;
  std::string certificate;  // PEM
  std::string bundle;       // PEM of every authority
  GossipKeys gossip_keys;   // secrets
  std::vector<std::pair<NodeName, Address>> masters;
  std::vector<Address> gossip;  // of nodes that live, a few
};

struct Renewal {
  std::string request;  // for a certificate, PEM
  std::string host;     // the numeric address under which the node wants to be reached
  WallTime clock{};     // of its machine; WallTime{}: it has not said
};

// What the masters' side works with besides the state.
struct Issuer {
  std::string cluster;                                  // its name
  std::function<std::string(std::string_view)> sha256;  // in lower-case hexadecimal
  Duration life = kNodeLife;
};

// What must be signed and recorded for one node.
struct Issue {
  SignOrder order;
  NodeRole role = NodeRole::Agent;
  std::string authority;  // id
  std::string token;      // id of the join token; empty: a renewal
  std::string replaces;   // serial; empty: a join
};

// The authority that signs now. Fails with Unavailable when there is none.
[[nodiscard]] Result<AuthorityRecord> signing(const ClusterState& state);

// May a node of a secured cluster be called so? Its certificate is for its name too: one that reads
// as an address would make it a certificate for that address.
[[nodiscard]] Status check_node_name(const NodeName& name);

// What every certificate of the node is for: itself, seen from its own machine, and its name when
// that is a single label. A name with dots may be somebody's host name.
[[nodiscard]] std::vector<std::string> own_hosts(const NodeName& node);

// `from`: the numeric address that the request came from. The certificate is for it too, unless
// another node on record has it; whatever else the node calls itself counts for nothing.
[[nodiscard]] Result<Issue> admit(const ClusterState& state, const JoinRequest& request,
                                  const std::string& from, const Issuer& issuer, WallTime now);

// `peer` has proved in its handshake that it is this node. The certificate is for the host when the
// node is registered with it and no other node on record has it.
[[nodiscard]] Result<Issue> admit_renewal(const ClusterState& state, const PeerIdentity& peer,
                                          const Renewal& asked, const Issuer& issuer, WallTime now);

// UseJoinToken or RecordCertificate.
[[nodiscard]] CommandBody recording(const Issue& issue, const SignedCertificate& made);

// The state has this certificate as the node's: it may be handed out.
[[nodiscard]] bool is_current(const ClusterState& state, const NodeName& node,
                              const std::string& serial);

// All certificates of this node were revoked, and it has got none since.
[[nodiscard]] bool is_revoked(const ClusterState& state, const NodeName& node);

[[nodiscard]] JoinAnswer join_answer(const ClusterState& state, const Issue& issue,
                                     const SignedCertificate& made);

// PEM of every authority that is trusted, the one that signs first.
[[nodiscard]] std::string bundle_of(const ClusterState& state);

}  // namespace muster::identity
