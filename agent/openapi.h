// What is the HTTP API described by? docs/openapi.yaml, as it was when the agent was built.
#pragma once

#include <string_view>

namespace muster::agent {

[[nodiscard]] std::string_view openapi_text();

}  // namespace muster::agent
