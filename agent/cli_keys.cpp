// muster kv: keys and values that the masters keep.
#include <cstdio>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_groups.h"
#include "agent/query.h"
#include "agent/text_table.h"
#include "base/base64.h"

namespace muster::agent {
namespace {

using nlohmann::json;

struct KeyArguments {
  std::string key;
  std::string value;
  std::string file;
  std::optional<std::uint64_t> index;
  bool absent = false;
  bool below = false;
};

std::string path_of(const std::string& key) { return "/v1/kv/" + percent_encoded(key); }

Exit ended(const Error& error) { return complain(error, exit_of(error.code)); }

Exit get(const Target& target, const KeyArguments& from) {
  const auto answer = AgentClient(target).get(path_of(from.key) + (target.json() ? "" : "?raw"));
  if (!answer) return ended(answer.error());
  std::fwrite(answer->data(), 1, answer->size(), stdout);
  return Exit::Done;
}

AgentClient::Headers condition(const KeyArguments& from) {
  if (from.absent) return {{"If-None-Match", "*"}};
  if (from.index) return {{"If-Match", '"' + std::to_string(*from.index) + '"'}};
  return {};
}

Exit say_index(const Target& target, const Result<std::string>& answer) {
  if (!answer) return ended(answer.error());
  const json body = json::parse(*answer, nullptr, false);
  if (target.json() || !body.is_object() || !body.contains("index")) {
    std::fputs(answer->c_str(), stdout);
  } else {
    std::printf("done at index %s\n", body["index"].dump().c_str());
  }
  return Exit::Done;
}

Exit put(const Target& target, const KeyArguments& from) {
  std::string value = from.value;
  if (!from.file.empty()) {
    auto read = read_input(from.file);
    if (!read) return complain(read.error(), Exit::BadConfiguration);
    value = std::move(*read);
  }
  return say_index(target,
                   AgentClient(target).put(path_of(from.key), std::move(value), condition(from)));
}

Exit remove(const Target& target, const KeyArguments& from) {
  const AgentClient client(target);
  if (!from.below) return say_index(target, client.remove(path_of(from.key), condition(from)));
  return say_index(target, client.remove("/v1/kv?prefix=" + percent_encoded(from.key)));
}

// A page after the other; names alone, or with --output json whole records, a line each.
Exit list(const Target& target, const KeyArguments& from) {
  const AgentClient client(target);
  std::string next;
  do {
    std::string path = "/v1/kv?prefix=" + percent_encoded(from.key);
    if (!target.json()) path += "&keys_only";
    if (!next.empty()) path += "&from=" + percent_encoded(next);
    const auto answer = client.get(path);
    if (!answer) return ended(answer.error());
    const json body = json::parse(*answer, nullptr, false);
    if (!body.is_object() || !body.contains("keys") || !body.contains("next")) {
      return complain({Code::Internal, "the answer of " + target.address + " holds no keys"},
                      Exit::Failed);
    }
    for (const json& key : body["keys"]) {
      const bool name = key.is_string();
      std::puts(name ? printable(key.get<std::string>()).c_str() : key.dump().c_str());
    }
    next = body["next"].is_string() ? body["next"].get<std::string>() : "";
  } while (!next.empty());
  return Exit::Done;
}

std::string field(const json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

// One event of the stream: lines "id: ", "event: ", "data: ".
void say_event(const Target& target, std::string_view event) {
  std::string kind;
  std::string data;
  while (!event.empty()) {
    const std::string_view line = event.substr(0, event.find('\n'));
    event.remove_prefix(std::min(event.size(), line.size() + 1));
    if (line.starts_with("event: ")) kind = line.substr(7);
    if (line.starts_with("data: ")) data = line.substr(6);
  }
  if (kind.empty()) return;
  json body = json::parse(data, nullptr, false);
  if (!body.is_object()) return;
  if (target.json()) {
    body["event"] = kind;
    std::puts(body.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  } else {
    const std::string name = field(body, body.contains("prefix") ? "prefix" : "key");
    const std::string index = field(body, kind == "reset" ? "index" : "modified_index");
    const std::string value = from_base64(field(body, "value_base64")).value_or("");
    std::printf("%s  %s  %s%s%s\n", index.c_str(), kind.c_str(), printable(name).c_str(),
                value.empty() ? "" : "  ", printable(value).c_str());
  }
}

Exit watch(const Target& target, const KeyArguments& from) {
  std::string path = "/v1/watch?prefix=" + percent_encoded(from.key);
  if (from.index) path += "&index=" + std::to_string(*from.index);
  std::string rest;
  const Status ended_by = AgentClient(target).follow(path, [&](std::string_view bytes) {
    rest += bytes;
    for (std::size_t end = rest.find("\n\n"); end != std::string::npos; end = rest.find("\n\n")) {
      say_event(target, std::string_view(rest).substr(0, end));
      rest.erase(0, end + 2);
    }
    return std::fflush(stdout) == 0;  // else nobody reads any more
  });
  if (!ended_by) return ended(ended_by.error());
  return complain({Code::Unavailable, "the agent at " + target.address + " ended the watch"},
                  Exit::Unavailable);
}

}  // namespace

void add_keys(CLI::App& app, Chosen& chosen) {
  CLI::App* kv = app.add_subcommand("kv", "keys and values that the masters keep")->fallthrough();
  kv->require_subcommand(1);
  const auto arguments = std::make_shared<KeyArguments>();
  const auto verb = [&](const char* name, const char* what,
                        Exit (*run)(const Target&, const KeyArguments&)) {
    CLI::App* made = kv->add_subcommand(name, what)->fallthrough();
    made->callback([&chosen, arguments, run] {
      chosen.run = [arguments, run](const Target& target) { return run(target, *arguments); };
    });
    return made;
  };
  const auto key = [&](CLI::App* to) { to->add_option("key", arguments->key, "")->required(); };
  const auto index = [&](CLI::App* to) {
    return to
        ->add_option("--if-index", arguments->index,
                     "only while the key's modified index is this one")
        ->type_name("N");
  };
  key(verb("get", "print a value, its bytes as they are", get));
  CLI::App* write = verb("put", "write a value of at most 512 KiB", put);
  key(write);
  CLI::Option* value = write->add_option("value", arguments->value, "the value");
  write->add_option("-f,--file", arguments->file, "take it from here; - is standard input")
      ->type_name("FILE")
      ->excludes(value);
  write->add_flag("--if-absent", arguments->absent, "only if there is no such key")
      ->excludes(index(write));
  CLI::App* erase = verb("delete", "delete a key", remove);
  key(erase);
  erase->add_flag("--prefix", arguments->below, "every key that begins with it")
      ->excludes(index(erase));
  verb("list", "list keys in their order", list)
      ->add_option("prefix", arguments->key, "only those that begin with it");
  CLI::App* follow = verb("watch", "print changes as they happen, until interrupted", watch);
  follow->add_option("prefix", arguments->key, "only those of keys that begin with it");
  follow->add_option("--index", arguments->index, "those after this index first")->type_name("N");
}

}  // namespace muster::agent
