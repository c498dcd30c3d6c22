// How does an operator start, change and stop workloads from a shell?
//
// A driver (files, stdout, an agent's API). Each says what was done on stdout.
#pragma once

#include <string>

#include "agent/cli_client.h"

namespace muster::agent {

// Checks the file here first, so that a mistake is named by its file, line and column.
Exit apply_file(const Target& target, const std::string& path);
Exit stop_workload(const Target& target, const std::string& name);

}  // namespace muster::agent
