// How does the JSON API show who may do what, who leads, and who holds what for a while?
//
// Pure functions; a part of agent/api.h, which everybody else uses. No secret and no digest of one
// is in any answer but token_made_response(), which exists once.
#pragma once

#include <string>

#include "agent/api.h"
#include "agent/view.h"
#include "base/command.h"

namespace muster::agent {

// /v1/self: who the caller is to this agent.
[[nodiscard]] ApiResponse self_response(const Actor& actor, bool secured);
[[nodiscard]] ApiResponse token_list(const MasterView& master);
// Those that are good at `now`.
[[nodiscard]] ApiResponse user_certificate_list(const MasterView& master, WallTime now);
[[nodiscard]] ApiResponse silence_list(const MasterView& master, WallTime now);
[[nodiscard]] ApiResponse lease_list(const MasterView& master);
[[nodiscard]] ApiResponse one_lease(const MasterView& master, const std::string& name);
// Which gossip keys there are; never the keys.
[[nodiscard]] ApiResponse gossip_key_list(const MasterView& master);
// Changes of the authority and of the gossip key that are under way, and who is waited for.
[[nodiscard]] ApiResponse rotation_list(const MasterView& master);
// The certificates of every authority that is trusted, as PEM.
[[nodiscard]] ApiResponse authority_bundle(const MasterView& master);

// What changes answer: {"index": N, "result": TEXT}, with more where something was made.
[[nodiscard]] ApiResponse changed_response(const Outcome& outcome);
[[nodiscard]] ApiResponse made_response(const std::string& id, const Outcome& outcome);
[[nodiscard]] ApiResponse lease_response(const CommandBody& asked, const Outcome& outcome);
[[nodiscard]] ApiResponse token_made_response(const TokenRecord& token, const std::string& secret,
                                              const Outcome& outcome);

}  // namespace muster::agent
