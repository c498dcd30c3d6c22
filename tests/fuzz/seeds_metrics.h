// What do the fuzzers of the history, of systemd's units and of web configurations begin with?
#pragma once

#include <map>
#include <string>

namespace muster::fuzz {

// Inputs by their names.
[[nodiscard]] std::map<std::string, std::string> history_seeds();
[[nodiscard]] std::map<std::string, std::string> systemd_seeds();
[[nodiscard]] std::map<std::string, std::string> web_config_seeds();

}  // namespace muster::fuzz
