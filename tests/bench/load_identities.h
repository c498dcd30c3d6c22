// Who are the masters, the agents and the client of a secured cluster that is only measured?
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace muster::load {

struct IdentityOptions {
  std::string directory;
  std::string cluster;
  std::vector<std::string> masters;  // NAME=ADDRESS
  std::size_t agents = 0;            // bench-0, bench-1, ...
};

// Writes ca.pem and, of every master, agent and the administrator "bench", NAME.pem and NAME.key.
// The authority's key is forgotten. The exit status; throws std::runtime_error.
int make_identities(const IdentityOptions& options);

}  // namespace muster::load
