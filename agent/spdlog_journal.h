// Where does the agent say what it does? On stderr, one line each, which journald keeps.
//
// A driver (spdlog). Any thread.
#pragma once

#include <string>

#include "agent/effects.h"

namespace muster::agent {

// `level`: trace, debug, info, warn, error; `format`: text or json. Once, before anything is said.
void open_journal(const std::string& level, const std::string& format, const std::string& node);
void say(Level level, const std::string& text);

}  // namespace muster::agent
