// How is an agent started, and a file checked, from a shell?
//
// A driver (files, stderr).
#pragma once

#include <cstdint>
#include <string>

#include "agent/cli_commands.h"
#include "base/error.h"

namespace muster::agent {

struct AgentArguments {
  std::string config;                 // a file; empty with dev
  std::string procfs, sysfs, rootfs;  // of metrics; empty: as the file says
  bool dev = false;
  bool insecure = false;
  std::string data_dir;           // dev; empty: a new directory that is removed at the end
  std::string address;            // dev; empty: 127.0.0.1
  std::uint16_t gossip_port = 0;  // dev; 0: the usual one
  std::uint16_t rpc_port = 0;
  std::uint16_t http_port = 0;
};

// Runs an agent until it is told to stop. Returns the exit status.
int run_agent_command(const AgentArguments& arguments);

// Says every problem of a configuration or of a file of workloads, a line each, on stderr; nothing
// but one line on stdout when there is none. `-` is standard input.
Exit validate_file(const std::string& path);

// The text of a file, or of standard input for `-`. Fails as read_yaml_text() does.
[[nodiscard]] Result<std::string> read_input(const std::string& path);
// What messages call `path`.
[[nodiscard]] std::string input_name(const std::string& path);

// Each line of an error on stderr, behind "muster: ". Returns `exit`.
Exit complain(const Error& error, Exit exit);

}  // namespace muster::agent
