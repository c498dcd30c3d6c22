// May whoever shows this token do that? (the coordinator's own check of what agents forward)
//
// Core. An agent is not believed when it says who asks: its key may be stolen. So it hands on the
// bearer token that it was shown, and the coordinator looks it up in the replicated state. Masters
// are believed: they hold the keys of the cluster anyway.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/cluster_state.h"
#include "base/error.h"
#include "base/identity.h"
#include "base/time.h"

namespace muster::agent {

// In lower-case hexadecimal; given by the runtime, since no core computes digests itself.
using Sha256 = std::function<std::string(std::string_view)>;

// The least role that may read this path of the API; nothing: whoever asks. Admin for what is no
// such path.
[[nodiscard]] std::optional<Role> role_to_read(std::string_view path);

// Who shows `authorization`. Fails with PermissionDenied when it is none of the state's tokens, is
// expired, or has less than `role`; the token itself is never in the text.
[[nodiscard]] Result<Actor> actor_of(const ClusterState& state, const Sha256& sha256,
                                     std::string_view authorization, Role role, WallTime now);

}  // namespace muster::agent
