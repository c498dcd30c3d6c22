// How do the parts of the JSON API write their JSON?
//
// Pure functions for agent/api*.cpp alone: the library is only declared here.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/api_response.h"
#include "agent/view.h"

namespace muster::agent {

// Text that is not UTF-8 is shown with U+FFFD where it is not. Ends with a newline.
[[nodiscard]] std::string json_text(const nlohmann::json& value);
[[nodiscard]] ApiResponse ok_json(const nlohmann::json& body);
// null for the moment that means none.
[[nodiscard]] nlohmann::json time_json(WallTime at);
// The same with the index of the state that it is from.
[[nodiscard]] ApiResponse indexed(ApiResponse response, const ClusterState& state);
// {NAME: [...], "stale", "index"}.
[[nodiscard]] ApiResponse listing(const char* name, nlohmann::json list, const MasterView& master);

}  // namespace muster::agent
