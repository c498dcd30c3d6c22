// How does the command line read a node's history?
//
// Driver (an agent's API), for cli_history.cpp and cli_top.cpp.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/api_history.h"
#include "agent/cli_client.h"
#include "base/error.h"

namespace muster::agent {

struct MemberAddress {
  std::string name;
  std::string state;
  std::string http;  // empty: it is not known
};
// All members as the agent that is asked sees them, by name: needs no quorum.
[[nodiscard]] Result<std::vector<MemberAddress>> member_addresses(const AgentClient& client,
                                                                  Duration patience);

// What an answer of GET /v1/history holds. Internal when it is none; values that are none are NaN.
[[nodiscard]] Result<HistoryRead> parse_history(const std::string& answer);

}  // namespace muster::agent
