// How is the cluster's state kept outside of it, and brought back?
//
// A driver (files, stdout, stderr; the running coordinator for `save`).
#pragma once

#include <string>

#include "agent/cli_client.h"
#include "agent/cli_commands.h"
#include "agent/config.h"
#include "base/cluster_state.h"
#include "failover/snapshot_file.h"

namespace CLI {
class App;
}

namespace muster::agent {

struct SnapshotArguments {
  std::string verb;  // save, inspect or restore
  std::string file;
  std::string passphrase_file;  // empty: not encrypted
  std::string config = "/etc/muster/muster.yaml";
  std::string data_dir;  // empty: the configuration's
};

Exit run_snapshot(const Target& target, const SnapshotArguments& arguments);

// Of an offline command: its words, and the configuration, with another data directory if that is
// not empty.
void add_configuration(CLI::App& to, std::string& config, std::string& data_dir);
[[nodiscard]] Result<Config> config_of(const std::string& path, const std::string& data_dir);

struct Beginning {
  raft::Term term = 0;  // that the cluster is known to have reached
  std::string from;     // what it begins again from
};
// Makes this node's consensus log that of a cluster whose only master it is, with what found_anew()
// makes of the state. Returns where that begins. Pre: the data directory is locked and there.
[[nodiscard]] Result<failover::SnapshotInfo> begin_anew(const Config& config, ClusterState state,
                                                        const Beginning& beginning);

// Where an operator should look next, in both cases.
void say_what_next(const Config& config);

}  // namespace muster::agent
