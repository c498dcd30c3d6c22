#include "base/identity.h"

namespace muster {

std::string_view to_text(Role role) {
  switch (role) {
    case Role::Viewer: return "viewer";
    case Role::Operator: return "operator";
    case Role::Admin: return "admin";
  }
  return "viewer";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::Viewer, Role::Operator, Role::Admin}) {
    if (text == to_text(role)) return role;
  }
  return std::nullopt;
}

std::string_view to_text(NodeRole role) {
  switch (role) {
    case NodeRole::Agent: return "agent";
    case NodeRole::Master: return "master";
  }
  return "agent";
}

std::optional<NodeRole> parse_node_role(std::string_view text) {
  for (const NodeRole role : {NodeRole::Agent, NodeRole::Master}) {
    if (text == to_text(role)) return role;
  }
  return std::nullopt;
}

}  // namespace muster
