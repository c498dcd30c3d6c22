// What does the first master of a secured cluster bring with it?
//
// Core: what `muster init` writes into one file of identity.dir, and the commands by which its
// first coordinator puts that into the replicated state. Afterwards the file goes: it holds the
// authority's key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"
#include "identity/joining.h"

namespace muster::identity {

struct Founding {
  std::string cluster;        // its name
  NodeName node;              // the first master
  AuthorityRecord authority;  // active, with its key
  GossipKey gossip_key;
  TokenRecord admin;   // without its secret
  std::string serial;  // of the first master's certificate
  std::string key;     // as CertificateRecord has it
  WallTime issued{};
  WallTime expires{};
  bool operator==(const Founding&) const = default;
};

[[nodiscard]] std::string text_of(const Founding& founding);
// Fails with DataLoss: `file` is then broken. No error holds any of it.
[[nodiscard]] Result<Founding> parse_founding(std::string_view text, const std::string& file);

// What is still missing in `state`, in an order in which it may break off anywhere: the authority
// comes last, and once there is one, nothing of this is done again.
[[nodiscard]] std::vector<CommandBody> founding_commands(const ClusterState& state,
                                                         const Founding& founding);

}  // namespace muster::identity
