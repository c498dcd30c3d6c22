// muster masters: who keeps the cluster's state, and how each of them is.
#include <algorithm>
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

std::string disk_text(const json& master) {
  const auto failing = master.find("disk_failing");
  if (failing == master.end() || !failing->is_boolean()) return "-";
  return failing->get<bool>() ? "FAILING" : "ok";
}

std::string snapshot_text(const json& master) {
  const auto total = master.find("snapshot_bytes");
  if (total == master.end() || !total->is_number_unsigned() || *total == 0) return "-";
  return word(master, "snapshot_sent") + "/" + word(master, "snapshot_bytes");
}

// Two survive no loss, as one does, and four no more than three: the last only makes writes slower.
std::string even_text(const json& masters) {
  const auto votes = [](const json& one) {
    const std::string role = word(one, "role");
    return role == "leader" || role == "follower";
  };
  const auto voters = std::count_if(masters.begin(), masters.end(), votes);
  if (voters == 0 || voters % 2 != 0) return "";
  const auto losses = (voters - 1) / 2;
  return std::to_string(voters) + " masters have a vote and survive the loss of " +
         (losses == 0 ? "none" : std::to_string(losses)) + ", as " + std::to_string(voters - 1) +
         " would: add one, or remove one\n";
}

std::optional<std::string> masters_text(const std::string& text) {
  const json body = json::parse(text, nullptr, false);
  if (!body.is_object() || !body.contains("masters") || !body["masters"].is_array()) {
    return std::nullopt;
  }
  TextTable table({"NAME", "ROLE", "MEMBER", "RPC", "MATCH", "APPLIED", "LAG", "HEARD MS AGO",
                   "DISK", "SNAPSHOT", "CERTIFICATE UNTIL"});
  for (const json& one : body["masters"]) {
    table.add({word(one, "name"), word(one, "role"), word(one, "member"), word(one, "rpc"),
               word(one, "match_index"), word(one, "applied_index"), word(one, "lag"),
               word(one, "last_contact_ms"), disk_text(one), snapshot_text(one),
               word(one, "certificate_expires")});
  }
  std::string out = "term " + word(body, "term") + ", last index " + word(body, "last_index") +
                    ", committed " + word(body, "commit_index") + ", applied " +
                    word(body, "applied_index") + "\n";
  const std::string election = word(body, "election");
  if (!election.empty()) out += "last election: " + election + "\n";
  out += even_text(body["masters"]);
  if (body.contains("stale") && body["stale"] == true) {
    out = "STALE: no quorum; this is how it was when the quorum was lost\n" + out;
  }
  return out + table.text();
}

Exit list(const Target& target) { return print_answer(target, "/v1/masters", masters_text); }

}  // namespace

void add_masters(CLI::App& app, Chosen& chosen) {
  CLI::App* masters =
      app.add_subcommand("masters", "who keeps the cluster's state, and how each is")
          ->fallthrough();
  masters->require_subcommand(0, 1);
  const auto name = std::make_shared<std::string>();
  masters->callback([&chosen] {
    if (!chosen.run) chosen.run = list;
  });
  const auto verb =
      [&](const char* word, const char* what, bool needed,
          std::function<Result<std::string>(const AgentClient&, const std::string&)> ask) {
        CLI::App* made = masters->add_subcommand(word, what)->fallthrough();
        CLI::Option* option = made->add_option("name", *name, "the node");
        if (needed) option->required();
        made->callback([&chosen, name, ask] {
          chosen.run = [name, ask](const Target& target) {
            return say_field(target, ask(AgentClient(target), *name), "result");
          };
        });
      };
  const auto body = [](const std::string& node) {
    return node.empty() ? std::string() : json{{"name", node}}.dump();
  };
  verb("add", "make a node that is set up for it a master", true,
       [body](const AgentClient& client, const std::string& node) {
         return client.post("/v1/masters", body(node));
       });
  verb("remove", "take a master away; it goes on as an agent", true,
       [](const AgentClient& client, const std::string& node) {
         return client.remove("/v1/masters/" + percent_encoded(node));
       });
  verb("transfer", "hand the lead to another master", false,
       [body](const AgentClient& client, const std::string& node) {
         return client.post("/v1/masters/transfer", body(node));
       });
}

}  // namespace muster::agent
