// How does a cluster go on when most of its masters are gone for good?
//
// A driver (files, stdout, stderr, a look at the other masters' ports). Offline: the agent of this
// node does not run.
#pragma once

#include <string>

#include "agent/cli_commands.h"

namespace muster::agent {

struct RecoverArguments {
  bool from_surviving_master = false;
  bool yes = false;
  std::string config = "/etc/muster/muster.yaml";
  std::string data_dir;  // empty: the configuration's
};

// Makes this master the only one, after it has said what that means. Refuses while this one and
// those of the others that answer are a majority, and without `yes` after the explanation.
Exit run_recover(const RecoverArguments& arguments);

}  // namespace muster::agent
