// With what does a master prove who it is, when its cluster begins again with it alone?
//
// A driver (files, OpenSSL). In two steps, so that nothing is written before it is certain that all
// fits: prove() looks and signs, keep() writes.
#pragma once

#include <map>
#include <string>

#include "agent/config.h"
#include "base/cluster_state.h"
#include "base/error.h"

namespace muster::agent {

struct FoundIdentity {
  std::map<std::string, std::string> files;  // of a new identity.dir; empty: the present one stays
};

// The identity that is there, which must be one of a master that the authorities in `state`
// believe; or a new one when there is no identity.dir, with an admin's token of its own. `state`
// then has both on record. Fails when the configuration or the identity does not fit the state.
[[nodiscard]] Result<FoundIdentity> prove(const Config& config, ClusterState& state);

// Writes what prove() made, and says so on stdout.
[[nodiscard]] Status keep(const Config& config, const FoundIdentity& made);

}  // namespace muster::agent
