// How does an operator make and change the keys that gossip is sealed under?
//
// A driver (files, stdin, stdout). Works on the file alone, whether or not an agent runs; no key is
// ever printed or taken from the command line, where others could see it.
#pragma once

#include <string>

#include "agent/cli_commands.h"

namespace muster::agent {

struct KeyringArguments {
  std::string verb;         // generate, list, add, use or remove
  std::string file;         // the keyring; empty: what `config` names
  std::string config;       // of an agent
  std::string id;           // use, remove: which key
  bool from_stdin = false;  // add: the key is read, not made
  bool json = false;        // list
};

Exit run_keyring(const KeyringArguments& arguments);

}  // namespace muster::agent
