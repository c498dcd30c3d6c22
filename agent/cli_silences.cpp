// muster silence: alerts that nobody wants to hear of for a while.
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_answers.h"
#include "agent/cli_groups.h"
#include "agent/cli_reads.h"
#include "agent/query.h"
#include "agent/text_table.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

using nlohmann::json;

struct SilenceArguments {
  std::vector<std::string> matchers;
  std::string duration = "1h";
  std::string comment;
  std::string id;
};

std::string matchers_text(const json& silence) {
  std::string text;
  const auto matchers = silence.find("matchers");
  if (matchers == silence.end()) return text;
  for (const json& one : *matchers) {
    text += (text.empty() ? "" : " ") + word(one, "label") + word(one, "op") + word(one, "value");
  }
  return text;
}

Exit list(const Target& target, const SilenceArguments&) {
  return print_answer(target, "/v1/silences", [](const std::string& text) {
    const json body = json::parse(text, nullptr, false);
    if (!body.is_object() || !body.contains("silences")) return std::optional<std::string>();
    TextTable table({"ID", "STATE", "UNTIL", "BY", "ALERTS", "COMMENT"});
    for (const json& one : body["silences"]) {
      table.add({word(one, "id"), word(one, "state"), word(one, "ends"), word(one, "created_by"),
                 matchers_text(one), word(one, "comment")});
    }
    return std::optional(table.text());
  });
}

// "alertname==NodeDown": label, operator, value.
Result<json> matcher_of(const std::string& text) {
  for (const char* op : {"!=", "!~", "==", "~", "="}) {
    const std::size_t at = text.find(op);
    if (at == std::string::npos || at == 0) continue;
    const std::string_view sign(op);
    return json{{"label", text.substr(0, at)},
                {"op", sign == "=" ? "==" : op},
                {"value", text.substr(at + sign.size())}};
  }
  return fail(Code::InvalidArgument, in_quotes(text) +
                                         ": expected LABEL==VALUE, LABEL!=VALUE, LABEL~PATTERN or "
                                         "LABEL!~PATTERN, in which * stands for any text");
}

// Prints the id.
Exit add(const Target& target, const SilenceArguments& from) {
  json matchers = json::array();
  for (const std::string& text : from.matchers) {
    auto matcher = matcher_of(text);
    if (!matcher) return complain(matcher.error(), Exit::Usage);
    matchers.push_back(std::move(*matcher));
  }
  const json body{
      {"matchers", std::move(matchers)}, {"duration", from.duration}, {"comment", from.comment}};
  return say_field(target,
                   AgentClient(target).post(
                       "/v1/silences", body.dump(-1, ' ', false, json::error_handler_t::replace)),
                   "id");
}

Exit end(const Target& target, const SilenceArguments& from) {
  return say_field(target, AgentClient(target).remove("/v1/silences/" + percent_encoded(from.id)),
                   "result");
}

}  // namespace

void add_silences(CLI::App& app, Chosen& chosen) {
  CLI::App* silence =
      app.add_subcommand("silence", "alerts that nobody wants to hear of")->fallthrough();
  silence->require_subcommand(1);
  const auto arguments = std::make_shared<SilenceArguments>();
  const auto verb = [&](const char* name, const char* what,
                        Exit (*run)(const Target&, const SilenceArguments&)) {
    CLI::App* made = silence->add_subcommand(name, what)->fallthrough();
    made->callback([&chosen, arguments, run] {
      chosen.run = [arguments, run](const Target& target) { return run(target, *arguments); };
    });
    return made;
  };
  verb("list", "which there are", list);
  CLI::App* made = verb("add", "silence alerts that all matchers match; prints the id", add);
  made->add_option("matcher", arguments->matchers, "such as alertname==NodeDown")->required();
  made->add_option("--for", arguments->duration, "how long")
      ->type_name("DURATION")
      ->capture_default_str();
  made->add_option("--comment", arguments->comment, "why, for others")->type_name("TEXT");
  verb("end", "end a silence", end)->add_option("id", arguments->id, "")->required();
}

}  // namespace muster::agent
