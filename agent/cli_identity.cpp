// muster init, join, token, revoke, ca, rotate-gossip-key: who belongs to the cluster, and what
// proves it.
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_answers.h"
#include "agent/cli_groups.h"
#include "agent/cli_init.h"
#include "agent/cli_reads.h"
#include "agent/query.h"
#include "agent/text_table.h"

namespace muster::agent {
namespace {

using nlohmann::json;

std::optional<std::string> tokens_text(const std::string& text) {
  const json body = json::parse(text, nullptr, false);
  if (!body.is_object() || !body.contains("tokens") || !body["tokens"].is_array()) {
    return std::nullopt;
  }
  TextTable table({"ID", "FOR", "USES LEFT", "EXPIRES", "MADE BY", "DESCRIPTION"});
  for (const json& one : body["tokens"]) {
    const bool join = one.contains("join") && one["join"].is_string();
    table.add({word(one, "id"), join ? "join as " + word(one, "join") : word(one, "role"),
               word(one, "uses_left"), word(one, "expires"), word(one, "created_by"),
               word(one, "description")});
  }
  return table.text();
}

std::optional<std::string> rotations_text(const std::string& text) {
  const json body = json::parse(text, nullptr, false);
  if (!body.is_object() || !body.contains("rotations") || !body["rotations"].is_array()) {
    return std::nullopt;
  }
  std::string out;
  for (const json& one : body["rotations"]) {
    std::string waits_for;
    const auto nodes = one.find("waits_for");
    for (const json& node : nodes == one.end() ? json::array() : *nodes) {
      if (!node.is_string()) continue;
      waits_for += (waits_for.empty() ? "" : ", ") + printable(node.get<std::string>());
    }
    out += "a new " + word(one, "what") + ": " +
           (word(one, "phase") == "spread" ? "made known to all" : "in use, the old one goes") +
           (waits_for.empty() ? "" : "; waits for " + waits_for) + "\n";
    const auto why = one.find("why");
    if (why == one.end() || !why->is_object()) continue;
    for (const auto& [node, said] : why->items()) {
      if (!said.is_string()) continue;
      out += "  " + printable(node) + ": " + printable(said.get<std::string>()) + "\n";
    }
  }
  return out.empty() ? "nothing is being changed\n" : out;
}

struct TokenArguments {
  std::string role;
  std::string ttl;
  unsigned uses = 0;
  std::string description;
  std::string id;
};

std::string token_body(const TokenArguments& from) {
  const bool join = from.role == "agent" || from.role == "master";
  json body{{join ? "join" : "role", from.role}};
  if (!from.ttl.empty()) body["ttl"] = from.ttl;
  if (from.uses > 0) body["uses"] = from.uses;
  if (!from.description.empty()) body["description"] = from.description;
  return body.dump(-1, ' ', true, json::error_handler_t::replace);
}

void add_tokens(CLI::App& app, Chosen& chosen) {
  CLI::App* token = app.add_subcommand("token", "who may join, and who may use the API");
  token->fallthrough()->require_subcommand(1);
  const auto from = std::make_shared<TokenArguments>();
  CLI::App* create = token->add_subcommand("create", "make one; it is shown once")->fallthrough();
  create->add_option("--role", from->role, "what it is for: a node joins as master or agent")
      ->required()
      ->check(CLI::IsMember({"master", "agent", "admin", "operator", "viewer"}));
  create->add_option("--ttl", from->ttl, "how long it is good, as 30m or 24h");
  create->add_option("--uses", from->uses, "how many nodes may join with it");
  create->add_option("--description", from->description, "for people");
  create->callback([&chosen, from] {
    chosen.run = [from](const Target& target) {
      return say_field(target, AgentClient(target).post("/v1/tokens", token_body(*from)), "token");
    };
  });
  token->add_subcommand("list", "which there are; never their secrets")
      ->fallthrough()
      ->callback([&chosen] {
        chosen.run = [](const Target& target) {
          return print_answer(target, "/v1/tokens", tokens_text);
        };
      });
  CLI::App* revoke = token->add_subcommand("revoke", "make one worthless")->fallthrough();
  revoke->add_option("id", from->id, "as `muster token list` shows it")->required();
  revoke->callback([&chosen, from] {
    chosen.run = [from](const Target& target) {
      return say_field(
          target, AgentClient(target).remove("/v1/tokens/" + percent_encoded(from->id)), "result");
    };
  });
}

void add_init(CLI::App& app, Chosen& chosen) {
  const auto from = std::make_shared<InitArguments>();
  CLI::App* init = app.add_subcommand("init", "make a secured cluster, with this first master");
  init->fallthrough();
  init->add_option("--name", from->name, "of this node")->required();
  init->add_option("--cluster", from->cluster, "its name")->capture_default_str();
  init->add_option("--advertise", from->advertise, "IPv4 address to listen on and be reached at")
      ->required();
  init->add_option("--data-dir", from->data_dir, "absolute")->capture_default_str();
  init->add_option("-c,--config", from->config, "the file to write")->capture_default_str();
  init->callback(
      [&chosen, from] { chosen.run = [from](const Target&) { return run_init(*from); }; });
}

void add_join(CLI::App& app, Chosen& chosen) {
  const auto from = std::make_shared<JoinArguments>();
  CLI::App* join = app.add_subcommand("join", "make this machine a node of a secured cluster");
  join->fallthrough();
  CLI::Option* token = join->add_option("--token", from->token,
                                        "what `muster token create` showed; - is standard input");
  join->add_option("--join-token-file", from->token_file, "a file with it, mode 600")
      ->excludes(token);
  join->add_option("master", from->address, "HOST:PORT of a master, its HTTP port")->required();
  join->add_option("--name", from->name, "of this node")->required();
  join->add_option("--advertise", from->advertise, "IPv4 address to listen on and be reached at")
      ->required();
  join->add_option("--data-dir", from->data_dir, "absolute")->capture_default_str();
  join->add_option("-c,--config", from->config, "the file to write")->capture_default_str();
  join->callback(
      [&chosen, from] { chosen.run = [from](const Target&) { return run_join(*from); }; });
}

struct RevokeArguments {
  std::string node, user, serial;
};

Exit revoke(const Target& target, const RevokeArguments& from) {
  const AgentClient client(target);
  if (!from.serial.empty()) {
    const std::string path = "/v1/users/certificates/" + percent_encoded(from.serial);
    return say_field(target, client.remove(path), "result");
  }
  const std::string whose = from.user.empty() ? "nodes/" + percent_encoded(from.node)
                                              : "users/" + percent_encoded(from.user);
  const Exit done = say_field(target, client.post("/v1/" + whose + "/revoke", ""), "result");
  if (done == Exit::Done && from.user.empty() && !target.json()) {
    std::printf(
        "Next: muster ca rotate-gossip-key, since it has the keys with which gossip is "
        "sealed\n");
  }
  return done;
}

void add_revoke(CLI::App& app, Chosen& chosen) {
  const auto from = std::make_shared<RevokeArguments>();
  CLI::App* made =
      app.add_subcommand("revoke", "let a node in no more, or a user; effective at once");
  made->fallthrough();
  CLI::Option_group* whom = made->add_option_group("whom");
  whom->add_option("name", from->node, "the node");
  whom->add_option("--user", from->user, "all certificates of this user")->type_name("NAME");
  whom->add_option("--serial", from->serial, "one, as `muster user list` shows it")
      ->type_name("SERIAL");
  whom->require_option(1);
  made->callback([&chosen, from] {
    chosen.run = [from](const Target& target) { return revoke(target, *from); };
  });
}

}  // namespace

void add_identity(CLI::App& app, Chosen& chosen) {
  add_init(app, chosen);
  add_join(app, chosen);
  add_tokens(app, chosen);
  add_revoke(app, chosen);
  CLI::App* ca = app.add_subcommand("ca", "the authorities that sign certificates");
  ca->fallthrough()->require_subcommand(1);
  const auto rotate = [&](const char* verb, const char* what, const char* path) {
    ca->add_subcommand(verb, what)->fallthrough()->callback([&chosen, path] {
      chosen.run = [path](const Target& target) {
        return say_field(target, AgentClient(target).post(path, ""), "result");
      };
    });
  };
  rotate("rotate", "replace the authority, node by node, without a pause", "/v1/ca/rotate");
  rotate("rotate-gossip-key", "replace the key of gossip likewise", "/v1/keyring/rotate");
  ca->add_subcommand("status", "which change is under way, and who is waited for")
      ->fallthrough()
      ->callback([&chosen] {
        chosen.run = [](const Target& target) {
          return print_answer(target, "/v1/rotations", rotations_text);
        };
      });
}

// What else shows a command line (ps) shows no token.
void hide_tokens(int argc, char** argv) {
  constexpr const char* kMark = "MUSTER-1-";
  for (int i = 1; i < argc; ++i) {
    char* const secret = std::strstr(argv[i], kMark);
    if (secret != nullptr) std::memset(secret + std::strlen(kMark), '*', std::strlen(secret) - 9);
  }
}

}  // namespace muster::agent
