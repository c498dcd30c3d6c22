// Which groups of commands are there, and how is the one that was typed run?
//
// Drivers (CLI11, stdout, an agent's API): a cli_*.cpp a group. Each adds its words to the command
// line; the word that was typed leaves what is to be done in `Chosen`, which run_cli() then does.
#pragma once

#include <functional>

#include "agent/cli_client.h"
#include "agent/cli_commands.h"

namespace CLI {
class App;
}

namespace muster::agent {

struct Chosen {
  std::function<Exit(const Target&)> run;  // empty: no command of a group
};

void add_identity(CLI::App& app, Chosen& chosen);
// Overwrites tokens in the arguments, which every user of the machine can see. After parsing.
void hide_tokens(int argc, char** argv);
void add_history(CLI::App& app, Chosen& chosen);
void add_top(CLI::App& app, Chosen& chosen);
void add_users(CLI::App& app, Chosen& chosen);
void add_keys(CLI::App& app, Chosen& chosen);
void add_leases(CLI::App& app, Chosen& chosen);
void add_masters(CLI::App& app, Chosen& chosen);
void add_recover(CLI::App& app, Chosen& chosen);
void add_silences(CLI::App& app, Chosen& chosen);
void add_snapshot(CLI::App& app, Chosen& chosen);

}  // namespace muster::agent
