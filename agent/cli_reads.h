// How does an operator see a cluster from a shell?
//
// A driver (stdout, an agent's API). Each prints a table, or the agent's JSON as it came.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "agent/cli_client.h"

namespace muster::agent {

struct EventArguments {
  bool follow = false;
  std::optional<std::uint64_t> since;  // nothing: all; with follow the last few
};

// Prints what GET `path` answers: as it came, or what `text_of` makes of it; nullopt: it is no
// JSON.
Exit print_answer(const Target& target, const std::string& path,
                  const std::function<std::optional<std::string>(const std::string&)>& text_of);
Exit show_status(const Target& target);
Exit show_members(const Target& target);
Exit show_nodes(const Target& target);
Exit show_workloads(const Target& target, const std::string& name);  // empty: all
// How a node is to this agent, and what happened to it on which evidence.
Exit why_node(const Target& target, const std::string& name);
// Following ends only with an error: when nobody has answered for half a minute.
Exit show_events(const Target& target, const EventArguments& arguments);
// Of all copies of a workload, or of one instance; each is fetched from the node that runs it.
Exit show_logs(const Target& target, const std::string& what, unsigned lines);

}  // namespace muster::agent
