#include "agent/identity_config.h"

#include "base/problem.h"

namespace muster::agent {

std::string identity_dir(const std::string& data_dir) { return data_dir + "/identity"; }

std::string config_text(const NewNode& node) {
  std::string text = "# A node of a secured cluster; `muster validate -f` checks it.\n";
  text += "cluster: " + node.cluster + "\n";
  if (node.role == NodeRole::Master) text += "role: master\n";
  text += "node:\n  name: " + in_quotes(node.name) + "\n";
  text += "data_dir: " + in_quotes(node.data_dir) + "\n";
  text += "listen:\n  address: " + node.address + "\n";
  text += "identity:\n  dir: " + in_quotes(identity_dir(node.data_dir)) + "\n";
  text += "gossip:\n  keyring: " + in_quotes(identity_dir(node.data_dir) + "/keyring") + "\n";
  if (!node.join.empty()) {
    text += "join:\n";
    for (const Address& address : node.join) text += "  - " + address.text() + "\n";
  }
  text += "masters:\n";
  for (const auto& [name, rpc] : node.masters) {
    text += "  - {name: " + in_quotes(name) + ", rpc: \"" + rpc.text() + "\"}\n";
  }
  return text;
}

// The primary first: it seals.
std::string keyring_text(const GossipKeys& ring) {
  std::string first;
  std::string others;
  for (const GossipKey& key : ring.keys) {
    (key.id == ring.primary ? first : others) += key.secret + "\n";
  }
  return first + others;
}

}  // namespace muster::agent
