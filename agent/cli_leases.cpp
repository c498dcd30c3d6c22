// muster lease: names that one holder has at a time.
#include <cstdio>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_answers.h"
#include "agent/cli_groups.h"
#include "agent/cli_reads.h"
#include "agent/query.h"
#include "agent/text_table.h"

namespace muster::agent {
namespace {

using nlohmann::json;

struct LeaseArguments {
  std::string name;
  std::string holder;
  std::string ttl = "15s";
  std::uint64_t token = 0;
};

std::string path_of(const std::string& name) { return "/v1/leases/" + percent_encoded(name); }

Exit list(const Target& target, const LeaseArguments&) {
  return print_answer(target, "/v1/leases", [](const std::string& text) {
    const json body = json::parse(text, nullptr, false);
    if (!body.is_object() || !body.contains("leases")) return std::optional<std::string>();
    TextTable table({"NAME", "HOLDER", "TOKEN", "TTL MS", "GRANTED"});
    for (const json& lease : body["leases"]) {
      table.add({word(lease, "name"), word(lease, "holder"), word(lease, "token"),
                 word(lease, "ttl_ms"), word(lease, "granted")});
    }
    return std::optional(table.text());
  });
}

// Prints the fencing token.
Exit take(const Target& target, const LeaseArguments& from) {
  const json body{{"holder", from.holder}, {"ttl", from.ttl}};
  return say_field(target, AgentClient(target).put(path_of(from.name), body.dump(), {}), "token");
}

Exit renew(const Target& target, const LeaseArguments& from) {
  const json body{{"holder", from.holder}, {"token", from.token}};
  return say_field(target, AgentClient(target).put(path_of(from.name), body.dump(), {}), "result");
}

Exit release(const Target& target, const LeaseArguments& from) {
  return say_field(
      target,
      AgentClient(target).remove(path_of(from.name) + "?holder=" + percent_encoded(from.holder) +
                                 "&token=" + std::to_string(from.token)),
      "result");
}

}  // namespace

void add_leases(CLI::App& app, Chosen& chosen) {
  CLI::App* lease =
      app.add_subcommand("lease", "names that one holder has at a time")->fallthrough();
  lease->require_subcommand(1);
  const auto arguments = std::make_shared<LeaseArguments>();
  const auto verb = [&](const char* name, const char* what,
                        Exit (*run)(const Target&, const LeaseArguments&)) {
    CLI::App* made = lease->add_subcommand(name, what)->fallthrough();
    made->callback([&chosen, arguments, run] {
      chosen.run = [arguments, run](const Target& target) { return run(target, *arguments); };
    });
    return made;
  };
  const auto who = [&](CLI::App* to) {
    to->add_option("name", arguments->name, "the lease")->required();
    to->add_option("--holder", arguments->holder, "who holds it")->required()->type_name("NAME");
    return to;
  };
  const auto token = [&](CLI::App* to) {
    to->add_option("--token", arguments->token, "that it was granted with")
        ->required()
        ->type_name("N");
  };
  verb("list", "who holds what", list);
  who(verb("take", "take a lease; prints its fencing token", take))
      ->add_option("--ttl", arguments->ttl, "it ends after so long without a renewal")
      ->type_name("DURATION")
      ->capture_default_str();
  token(who(verb("renew", "hold it for another time", renew)));
  token(who(verb("release", "give it back", release)));
}

}  // namespace muster::agent
