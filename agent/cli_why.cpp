#include <chrono>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_reads.h"
#include "agent/text_table.h"
#include "base/ids.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

using nlohmann::json;

// What an agent says is outside data: what is missing or of another type reads as nothing.
std::string word(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return "";
  if (found->is_string()) return printable(found->get<std::string>());
  return found->is_number_unsigned() ? found->dump() : "";
}
std::int64_t number(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}
std::vector<json> objects(const json& body, const char* key) {
  std::vector<json> list;
  const auto found = body.find(key);
  if (found == body.end() || !found->is_array()) return list;
  for (const json& one : *found) {
    if (one.is_object()) list.push_back(one);
  }
  return list;
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string present_text(const json& body) {
  const std::string name = word(body, "name");
  const std::string agent = word(body, "agent");
  if (word(body, "state").empty()) {
    return wrapped(name + " is no member any more, as " + agent + " sees it", 0);
  }
  std::string text = name + " is " + word(body, "state") + " since " + word(body, "since") + " (" +
                     age_text(number(body, "since_ms"), now_ms()) + "), as " + agent +
                     " sees it: incarnation " + word(body, "incarnation");
  if (!word(body, "accuser").empty()) text += ", accused by " + word(body, "accuser");
  text = wrapped(text, 0);
  if (name == agent) {
    text +=
        wrapped("It is the agent that answers: ask another one, with --address, what it saw.", 0);
  }
  return text;
}

std::string event_text(const json& event) {
  std::string text = word(event, "at") + "  " + word(event, "kind") + "\n";
  const auto lines = event.find("text");
  if (lines == event.end()) return text;
  if (lines->is_string()) return text + wrapped(printable(lines->get<std::string>()), 4);
  for (const json& line : *lines) {
    if (line.is_string()) text += wrapped(printable(line.get<std::string>()), 4);
  }
  return text;
}

std::string why_text(const json& body) {
  std::string text = present_text(body);
  const auto events = objects(body, "events");
  if (!events.empty()) text += "\nSeen by " + word(body, "agent") + ":\n";
  for (const json& event : events) text += event_text(event);
  const auto decided = objects(body, "cluster_events");
  if (!decided.empty()) text += "\nDecided by the masters:\n";
  for (const json& event : decided) text += event_text(event);
  return text;
}

}  // namespace

Exit why_node(const Target& target, const std::string& name) {
  if (!valid_name(name)) {
    return complain({Code::NotFound, "no node is called " + in_quotes(name) +
                                         ": see \"muster members\" for the names"},
                    Exit::NotFound);
  }
  return print_answer(target, "/v1/why/node/" + name,
                      [](const std::string& answer) -> std::optional<std::string> {
                        const json body = json::parse(answer, nullptr, false);
                        if (!body.is_object()) return std::nullopt;
                        return why_text(body);
                      });
}

}  // namespace muster::agent
