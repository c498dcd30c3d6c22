// How is the first master of a secured cluster made, and how does another node join it?
//
// Drivers (files, stdin, stdout; HTTPS to a master). Neither overwrites anything.
#pragma once

#include <cstdint>
#include <string>

#include "agent/cli_commands.h"

namespace muster::agent {

struct InitArguments {
  std::string name;
  std::string cluster = "muster";
  std::string advertise;
  std::string data_dir = "/var/lib/muster";
  std::string config = "/etc/muster/muster.yaml";
};
Exit run_init(const InitArguments& arguments);

struct JoinArguments {
  std::string token;  // or - for standard input
  std::string token_file;
  std::string address;    // HTTP port of a master
  std::string name;       // empty: the host's
  std::string advertise;  // where this node listens and is reached
  std::string data_dir = "/var/lib/muster";
  std::string config = "/etc/muster/muster.yaml";
};
Exit run_join(const JoinArguments& arguments);

}  // namespace muster::agent
