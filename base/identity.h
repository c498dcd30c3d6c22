// Who is at the other end, and as what may it speak?
//
// Plain values and their texts, which never change: they are in certificates, tokens and the log.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"

namespace muster {

// What a person or a program may do through the API; each may what the ones before it may.
enum class Role { Viewer, Operator, Admin };
[[nodiscard]] std::string_view to_text(Role role);  // "viewer", "operator", "admin"
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);

// What a node may do towards others: a master is an agent too.
enum class NodeRole { Agent, Master };
[[nodiscard]] std::string_view to_text(NodeRole role);  // "agent", "master"
[[nodiscard]] std::optional<NodeRole> parse_node_role(std::string_view text);

// The node that a certificate was given to: of whoever proved in a handshake that it has the key.
struct PeerIdentity {
  NodeName name;
  bool master = false;
  std::string serial;  // of its certificate: lower-case hexadecimal, no leading zeros
  std::string cluster;
  WallTime expires{};  // of its certificate
  auto operator<=>(const PeerIdentity&) const = default;
};

// The person or program that a certificate was given to.
struct UserIdentity {
  std::string name;
  Role role = Role::Viewer;
  std::string serial;
  std::string cluster;
  WallTime expires{};
  auto operator<=>(const UserIdentity&) const = default;
};

}  // namespace muster
