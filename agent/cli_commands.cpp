#include "agent/cli_commands.h"

#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_groups.h"
#include "agent/cli_keyring.h"
#include "agent/cli_reads.h"
#include "agent/cli_writes.h"
#include "base/ids.h"

namespace muster::agent {
namespace {

constexpr const char* kFooter =
    "Exit status:\n"
    "  0   done\n"
    "  1   the request failed or was refused\n"
    "  2   the command line is wrong\n"
    "  3   there is no such workload, instance, node or key\n"
    "  4   nobody can answer now: no agent at the address, no quorum, no answer in time\n"
    "  78  a file is wrong or cannot be read, or the agent cannot start as it is configured\n"
    "\n"
    "First try: `muster agent --dev` in one terminal, `muster status` in another.";

struct Arguments {
  Target target;
  AgentArguments agent;
  std::string file;
  std::string name;
  EventArguments events;
  KeyringArguments keyring;
  unsigned lines = 100;
  Chosen chosen;
};

CLI::App* command(CLI::App& app, const char* name, const char* what) {
  return app.add_subcommand(name, what)->fallthrough();
}

void add_agent(CLI::App& app, AgentArguments& to) {
  CLI::App* agent = command(app, "agent", "run an agent in the foreground");
  agent->add_option("-c,--config", to.config, "configuration of this node")->type_name("FILE");
  agent->add_flag("--dev", to.dev, "a cluster of one node, with throw-away data");
  agent->add_flag("--insecure", to.insecure, "allow addresses that others can reach");
  const auto root = [&](const char* name, std::string& value, const char* what) {
    agent->add_option(name, value, what)->type_name("DIR")->group("Metrics");
  };
  root("--path.procfs", to.procfs, "read this instead of /proc");
  root("--path.sysfs", to.sysfs, "read this instead of /sys");
  root("--path.rootfs", to.rootfs, "the machine's file systems are mounted below this");
  const char* group = "With --dev";
  agent->add_option("--data-dir", to.data_dir, "keep the data here")
      ->type_name("DIR")
      ->group(group);
  agent->add_option("--address", to.address, "listen here instead of 127.0.0.1")
      ->type_name("ADDRESS")
      ->group(group);
  const auto port = [&](const char* name, std::uint16_t& value, const char* what) {
    agent->add_option(name, value, what)
        ->type_name("PORT")
        ->group(group)
        ->check(CLI::Range(1, 65535));
  };
  port("--gossip-port", to.gossip_port, "instead of 7946");
  port("--rpc-port", to.rpc_port, "instead of 7947");
  port("--http-port", to.http_port, "instead of 7948");
}

void add_reads(CLI::App& app, Arguments& to) {
  command(app, "status", "how this agent and its cluster are");
  command(app, "members", "who takes part, as this agent sees it");
  command(app, "nodes", "where workloads can run, as the masters see it");
  command(app, "workloads", "what runs where")
      ->add_option("name", to.name, "only this one, with its copies");
  CLI::App* events = command(app, "events", "what has happened");
  events->add_flag("-f,--follow", to.events.follow, "go on until interrupted");
  events->add_option("--since", to.events.since, "only those after this sequence number")
      ->type_name("SEQ");
  CLI::App* logs = command(app, "logs", "what a workload's copies have printed");
  logs->add_option("workload-or-instance", to.name, "a workload or an instance")->required();
  logs->add_option("-n,--lines", to.lines, "so many of the last lines of each copy")
      ->check(CLI::Range(1U, 10000U))
      ->capture_default_str();
  CLI::App* why = command(app, "why", "what happened, and on which evidence");
  why->require_subcommand(1);
  CLI::App* node = why->add_subcommand("node", "to a node, as this agent saw it")->fallthrough();
  node->add_option("name", to.name, "the node")->required();
}

void add_writes(CLI::App& app, Arguments& to) {
  const auto file = [&](CLI::App* from) {
    from->add_option("-f,--file", to.file, "YAML or JSON; - is standard input")
        ->type_name("FILE")
        ->required();
  };
  file(command(app, "apply", "start or change workloads"));
  command(app, "stop", "stop a workload and forget it")
      ->add_option("name", to.name, "the workload")
      ->required();
  file(command(app, "validate", "find what is wrong in a configuration or a file of workloads"));
  command(app, "version", "say which version this is");
}

void add_keyring(CLI::App& app, KeyringArguments& to) {
  CLI::App* keyring = command(app, "keyring", "the keys that gossip is sealed under");
  keyring->require_subcommand(1);
  const auto verb = [&](const char* name, const char* what) {
    CLI::App* made = command(*keyring, name, what);
    CLI::Option* file = made->add_option("-f,--file", to.file, "the keyring")->type_name("FILE");
    made->add_option("-c,--config", to.config, "the configuration whose gossip.keyring is meant")
        ->type_name("FILE")
        ->excludes(file);
    return made;
  };
  const auto verb_on_key = [&](const char* name, const char* what) {
    verb(name, what)->add_option("key", to.id, "as `muster keyring list` shows it")->required();
  };
  verb("generate", "make a keyring with one new key");
  verb("list", "which keys there are; never the keys themselves");
  verb("add", "add a new key, which opens but does not seal yet")
      ->add_flag("--stdin", to.from_stdin, "take the key, in base64, from standard input");
  verb_on_key("use", "seal under this key from now on");
  verb_on_key("remove", "forget a key that does not seal");
}

void add_globals(CLI::App& app, Target& to) {
  app.add_option("--address", to.address, "HTTP address of the agent to ask")
      ->envname("MUSTER_HTTP_ADDRESS")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--ca", to.ca, "PEM file of the cluster's authorities, for https")
      ->type_name("FILE");
  app.add_option("--token-file", to.token_file,
                 "file with the token to show; else MUSTER_TOKEN_FILE or MUSTER_TOKEN")
      ->type_name("FILE");
  app.add_option("--certificate", to.certificate,
                 "your certificate, to show it instead of a token (`muster user certificate`)")
      ->envname("MUSTER_CERTIFICATE")
      ->type_name("FILE");
  app.add_option("--key", to.key, "its key; else it is in the certificate's file")
      ->envname("MUSTER_KEY")
      ->type_name("FILE");
  app.add_option("--output", to.output, "how to show what is read")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

int usage_error(const std::string& what) {
  std::string line = what.substr(0, what.find('\n'));
  std::fprintf(stderr, "muster: %s (see \"muster --help\")\n", line.c_str());
  return static_cast<int>(Exit::Usage);
}

int dispatch(const std::string& name, const Arguments& from) {
  if (name == "agent") {
    if (from.agent.dev != from.agent.config.empty()) {
      return usage_error(from.agent.dev ? "--config and --dev exclude each other"
                                        : "agent needs either --config FILE or --dev");
    }
    return run_agent_command(from.agent);
  }
  if (name == "version") {
    std::puts("muster " MUSTER_VERSION);
    return 0;
  }
  if (name == "keyring") {
    if (from.keyring.file.empty() && from.keyring.config.empty()) {
      return usage_error("keyring needs either --file FILE or --config FILE");
    }
    return static_cast<int>(run_keyring(from.keyring));
  }
  if (name == "validate") return static_cast<int>(validate_file(from.file));
  const auto address = parse_address(from.target.address);
  if (!address) return usage_error("--address: " + address.error().text);
  const auto run = [&]() -> Exit {
    if (from.chosen.run) return from.chosen.run(from.target);
    if (name == "apply") return apply_file(from.target, from.file);
    if (name == "stop") return stop_workload(from.target, from.name);
    if (name == "logs") return show_logs(from.target, from.name, from.lines);
    if (name == "events") return show_events(from.target, from.events);
    if (name == "members") return show_members(from.target);
    if (name == "nodes") return show_nodes(from.target);
    if (name == "status") return show_status(from.target);
    if (name == "why") return why_node(from.target, from.name);
    return show_workloads(from.target, from.name);
  };
  return static_cast<int>(run());
}

}  // namespace

int run_cli(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("muster keeps workloads running on many machines", "muster");
  app.set_version_flag("--version", "muster " MUSTER_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  add_globals(app, arguments.target);
  add_agent(app, arguments.agent);
  add_reads(app, arguments);
  add_writes(app, arguments);
  add_keyring(app, arguments.keyring);
  add_top(app, arguments.chosen);
  add_history(app, arguments.chosen);
  add_identity(app, arguments.chosen);
  add_users(app, arguments.chosen);
  add_keys(app, arguments.chosen);
  add_leases(app, arguments.chosen);
  add_silences(app, arguments.chosen);
  add_masters(app, arguments.chosen);
  add_snapshot(app, arguments.chosen);
  add_recover(app, arguments.chosen);
  try {
    app.parse(argc, argv);
    hide_tokens(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    // CLI11 tells of the missing subcommand before it tells of the word that it did not know.
    const std::vector<std::string> unknown = app.remaining(true);
    for (int i = 1; i < argc; ++i) {
      if (std::find(unknown.begin(), unknown.end(), argv[i]) == unknown.end()) continue;
      return usage_error("\"" + std::string(argv[i]) + "\" is not understood");
    }
    return usage_error(error.what());
  }
  std::string& address = arguments.target.address;
  // As Consul and Nomad write it.
  arguments.target.plain = address.starts_with("http://");
  arguments.target.https = address.starts_with("https://");
  if (arguments.target.plain) address.erase(0, 7);
  if (arguments.target.https) address.erase(0, 8);
  const CLI::App* const chosen = app.get_subcommands().front();
  if (const auto verbs = chosen->get_subcommands(); !verbs.empty()) {
    arguments.keyring.verb = verbs.front()->get_name();
    arguments.keyring.json = arguments.target.json();
  }
  return dispatch(chosen->get_name(), arguments);
}

}  // namespace muster::agent
