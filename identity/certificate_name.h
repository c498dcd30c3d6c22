// What does a certificate call the node or the person that it was given to?
//
// Core: the URIs of a certificate's subject alternative names, to and fro. Never changes: it is in
// every certificate. A node has muster://CLUSTER/node/NAME and muster://CLUSTER/role/master or
// agent; a person muster://CLUSTER/user/NAME and muster://CLUSTER/role/viewer, operator or admin.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/identity.h"

namespace muster::identity {

struct CertificateName {
  std::string cluster;                  // valid_name()
  std::string name;                     // of the node or the person; valid_name()
  std::variant<NodeRole, Role> role{};  // which says whether it is a node or a person
  bool operator==(const CertificateName&) const = default;

  [[nodiscard]] bool is_node() const { return std::holds_alternative<NodeRole>(role); }
  [[nodiscard]] std::string text() const;  // "node n1 of cluster c", for people
};

// Pre: the names are valid_name().
[[nodiscard]] std::vector<std::string> uris_of(const CertificateName& name);

// Fails with PermissionDenied unless these are exactly the two URIs of one name, in any order: a
// certificate that says two things says nothing.
[[nodiscard]] Result<CertificateName> name_of(const std::vector<std::string>& uris);

}  // namespace muster::identity
