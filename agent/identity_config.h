// What do a configuration and a keyring say that `muster init` or `muster join` writes?
//
// Pure: values in, text out; what is not said has its default (systemd/muster.yaml).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/access.h"
#include "base/identity.h"
#include "base/ids.h"

namespace muster::agent {

struct NewNode {
  std::string cluster;
  NodeName name;
  NodeRole role = NodeRole::Agent;
  std::string data_dir;
  std::string address;  // where it listens and is reached
  std::vector<std::pair<NodeName, Address>> masters;
  std::vector<Address> join;  // of gossip
};

[[nodiscard]] std::string identity_dir(const std::string& data_dir);
[[nodiscard]] std::string config_text(const NewNode& node);
[[nodiscard]] std::string keyring_text(const GossipKeys& ring);

}  // namespace muster::agent
