#include "agent/cli_answers.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/text_table.h"

namespace muster::agent {

using nlohmann::json;

std::string word(const json& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end() || found->is_null()) return "-";
  return found->is_string() ? printable(found->get<std::string>()) : found->dump();
}

Exit say_field(const Target& target, const Result<std::string>& answer, const char* key) {
  if (!answer) return complain(answer.error(), exit_of(answer.error().code));
  const json body = json::parse(*answer, nullptr, false);
  if (target.json() || !body.is_object() || !body.contains(key)) {
    std::fputs(answer->c_str(), stdout);
  } else {
    std::puts(word(body, key).c_str());
  }
  return Exit::Done;
}

}  // namespace muster::agent
