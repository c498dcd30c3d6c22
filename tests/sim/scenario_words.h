// Which lines may a scenario have, and what does each one do?
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "scenario.h"

namespace muster::sim {

// What a line with `expect` waits for: empty when it holds, else what is otherwise.
using Condition = std::function<std::string(const World&)>;

[[nodiscard]] Result<Action> parse_action(const std::vector<std::string>& words, std::size_t nodes);
[[nodiscard]] Result<Condition> parse_condition(const std::vector<std::string>& words,
                                                std::size_t nodes);
// Every pattern, for the message about a line that matches none.
[[nodiscard]] std::string known_actions();
[[nodiscard]] std::string known_conditions();

}  // namespace muster::sim
