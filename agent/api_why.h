// How does the JSON API tell what happened to a node, and why?
//
// Pure functions; a part of agent/api.h, which everybody else uses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/api.h"
#include "health/member_history.h"

namespace muster::agent {

// /v1/why/node/NAME: how the member is to this agent, what happened to it, oldest first, and on
// masters the cluster's own events about it; 404 when nobody of that name was ever seen here.
[[nodiscard]] ApiResponse why_node(const View& view, std::string_view name);

// The evidence of one event in plain words, a sentence each; moments as UTC times of the day.
[[nodiscard]] std::vector<std::string> explain(const health::MemberEvent& event,
                                               const WallAnchor& clock);

}  // namespace muster::agent
