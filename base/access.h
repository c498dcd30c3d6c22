// Who may speak, as the masters remember it?
//
// Plain values of the replicated state. Of a token only its digest is here; keys of authorities and
// of gossip are here in full: they belong in no event, error, answer or log. base/identity.h says
// what the roles mean.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/identity.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster {

// On whose behalf a command was proposed; all empty: the cluster's own decision.
struct Actor {
  std::string name;     // of a token, a certificate, or "local"
  std::string role;     // as it was then: "admin", ...
  std::string address;  // where the request came from
  [[nodiscard]] bool somebody() const { return !name.empty() || !address.empty(); }
  bool operator==(const Actor&) const = default;
};

struct MasterRecord {
  Address rpc;
  MasterId id = 0;  // of its log: a new one each time that it joins (base/ids.h)
  bool operator==(const MasterRecord&) const = default;
};

enum class TokenKind { Api, Join };
struct TokenRecord {
  std::string id;  // public: names the token in lists and events
  TokenKind kind = TokenKind::Api;
  Role role = Role::Viewer;              // of Api
  NodeRole node_role = NodeRole::Agent;  // of Join: what the node becomes
  std::string sha256;                    // of the secret: 64 lower-case hexadecimal digits
  std::string description;
  WallTime created{};
  WallTime expires{};           // WallTime{}: never; Join tokens always expire
  std::uint32_t uses_left = 0;  // of Join
  std::string created_by;
  bool operator==(const TokenRecord&) const = default;
};
[[nodiscard]] inline bool expired(const TokenRecord& token, WallTime at) {
  return token.expires != WallTime{} && token.expires <= at;
}

// A certificate authority of this cluster. All are trusted, the active one signs.
struct AuthorityRecord {
  std::string id;
  std::string certificate;  // PEM
  std::string key;          // PEM, secret
  WallTime created{};
  bool active = false;
  bool operator==(const AuthorityRecord&) const = default;
};

// What a node was given before its present certificate and may still use.
struct FormerCertificate {
  std::string serial;
  WallTime expires{};
  bool operator==(const FormerCertificate&) const = default;
};
struct CertificateRecord {
  std::string serial;
  std::string key;  // SHA-256 of its public key in hex; empty: not known
  NodeRole role = NodeRole::Agent;
  WallTime issued{};
  WallTime expires{};
  std::vector<FormerCertificate> former{};  // oldest first
  std::string authority{};                  // id of the one that signed it; empty: not known
  bool operator==(const CertificateRecord&) const = default;
};
// What a person or a program was given to use the API with.
struct UserCertificateRecord {
  std::string name;
  Role role = Role::Viewer;
  WallTime issued{};
  WallTime expires{};
  std::string issued_by{};
  std::string authority{};  // id of the one that signed it
  bool operator==(const UserCertificateRecord&) const = default;
};
struct RevokedRecord {
  NodeName node{};  // empty: it was a user's
  WallTime at{};
  std::string by{};
  WallTime expires{};  // of the certificate: afterwards it is refused for that alone
  std::string user{};  // empty: it was a node's
  bool operator==(const RevokedRecord&) const = default;
};

struct GossipKey {
  std::string id;      // eight hexadecimal digits, as `muster keyring list` shows it
  std::string secret;  // base64 of 32 bytes, as in a keyring file
  bool operator==(const GossipKey&) const = default;
};
struct GossipKeys {
  std::uint64_t revision = 0;  // index of the command that set them; 0: gossip is not driven
  std::vector<GossipKey> keys;
  std::string primary;  // id of the one that seals
  bool operator==(const GossipKeys&) const = default;
};

}  // namespace muster
