// How are the fields of an agent's JSON answers printed?
//
// Driver (stdout), for cli_*.cpp alone: the JSON library is only declared here.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/cli_client.h"

namespace muster::agent {

// "-" for what is missing or null.
[[nodiscard]] std::string word(const nlohmann::json& from, const char* key);

// Prints the answer's field of this name; the answer as it came where JSON is wanted or there is no
// such field.
Exit say_field(const Target& target, const Result<std::string>& answer, const char* key);

}  // namespace muster::agent
