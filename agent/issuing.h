// Which certificates does the coordinator give out, and what is the next step of a rotation?
//
// A core; owned by Master. What is decided is decided by pure functions of the replicated state
// (identity/joining.h, identity/rotation.h, identity/founding.h); this remembers what was signed
// until the command that records it was applied. Keys are made and used by functions that the
// runtime gives; without them, in a plain cluster, everything is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"
#include "base/identity.h"
#include "base/rpc.h"
#include "identity/founding.h"
#include "identity/issue.h"
#include "identity/joining.h"
#include "identity/rotation.h"
#include "identity/user_certificate.h"

namespace muster::agent {

struct IssuingOptions {
  identity::Issuer issuer;
  identity::Signer sign;
  std::function<Result<AuthorityRecord>(WallTime now)> new_authority;
  std::function<GossipKey()> new_gossip_key;
  std::optional<identity::Founding> founding;  // of the first master
};

// Where the two changes stand, and the next step of each.
struct Rotations {
  identity::RotationStep authority;
  identity::RotationStep gossip_key;
  std::map<NodeName, std::string> refused;  // by whom, and why
};

class Issuing {
 public:
  struct Signed {
    std::uint64_t number = 0;  // to ask for answer() with
    CommandBody command;       // records it
  };

  explicit Issuing(IssuingOptions options) : options_(std::move(options)) {}

  // Pre for all: `state` is the coordinator's.
  [[nodiscard]] Result<Signed> join(const ClusterState& state, const rpc::Join& join, WallTime now);
  [[nodiscard]] Result<Signed> renew(const ClusterState& state, const PeerIdentity& peer,
                                     const rpc::Renew& renew, WallTime now);
  [[nodiscard]] Result<Signed> certify(const ClusterState& state, const rpc::CertifyUser& ask,
                                       WallTime now);
  // What came of the command, and so what is told: JSON to a node that joins and to a user, PEM to
  // a node that renews. Nothing is handed out that `state` does not name.
  [[nodiscard]] Result<Outcome> answer(std::uint64_t number, const ClusterState& state,
                                       const Result<Outcome>& applied);

  [[nodiscard]] Result<CommandBody> begin(const ClusterState& state, rpc::Rotation rotation,
                                          WallTime now) const;
  // Something is being changed: rotations() says how far that is.
  [[nodiscard]] static bool rotating(const ClusterState& state) {
    return state.authorities.size() > 1 || state.gossip_keys.keys.size() > 1;
  }
  // `installed`: by every agent that is connected; nothing of one that has not said.
  [[nodiscard]] Rotations rotations(
      const ClusterState& state,
      const std::map<NodeName, std::optional<rpc::FactsInstalled>>& installed, WallTime now) const;

  // What the first master brings with it, as far as it is not in the state.
  [[nodiscard]] std::vector<CommandBody> founding(const ClusterState& state) const;

 private:
  struct Pending {
    std::variant<identity::Issue, identity::UserIssue> issue;
    identity::SignedCertificate made;
  };
  template <class Issue>
  [[nodiscard]] Result<Signed> signed_by_us(Result<Issue> issue);

  IssuingOptions options_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t last_ = 0;
};

}  // namespace muster::agent
