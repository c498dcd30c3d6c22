// What does this node prove itself with, and how is that kept up to date?
//
// A driver (files, OpenSSL). What writes files blocks: on the disk thread. The TLS contexts may be
// used by any thread meanwhile.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/config.h"
#include "agent/issuing.h"
#include "agent/renewing.h"
#include "base/error.h"
#include "base/rpc.h"
#include "base/time.h"
#include "identity/openssl_tls.h"

namespace muster::agent {

class OwnIdentity {
 public:
  // Of config.identity.dir. Fails with NotFound, PermissionDenied or DataLoss, naming the file and
  // the way out.
  [[nodiscard]] static Result<std::unique_ptr<OwnIdentity>> open(const Config& config);

  [[nodiscard]] const std::shared_ptr<identity::OpensslTls>& tls() const { return tls_; }
  [[nodiscard]] OwnCertificate certificate() const;
  // How a master signs; with what `muster init` left, on the first one.
  [[nodiscard]] Result<IssuingOptions> issuing() const;

  struct Installed {
    std::string authorities_sha256;  // in use
    std::string refused;             // why that is not all that was told; empty: it is
    bool outdated = false;           // another authority signs now than signed the own certificate
    bool keys_changed = false;       // the keyring is to be read again
  };
  // Authorities, revocations and gossip keys: durable and, but for the gossip keys, in use. A new
  // authority that is not valid by this node's clock, `now`, is not taken.
  [[nodiscard]] Result<Installed> install(const rpc::Facts& facts, WallTime now);

  // A new key, kept here until store(), and the request for it.
  [[nodiscard]] Result<std::string> make_request();
  // Refuses one that is not valid by this node's clock, `now`.
  [[nodiscard]] Result<OwnCertificate> store(const std::string& certificate, WallTime now);

 private:
  OwnIdentity(const Config& config, identity::Credentials credentials,
              std::shared_ptr<identity::OpensslTls> tls);
  [[nodiscard]] Result<std::string> install_authorities(const std::string& bundle, WallTime now);
  [[nodiscard]] Status install_keys(const rpc::Facts& facts, bool& changed);

  std::string directory_;
  std::string keyring_;
  std::string cluster_;
  NodeName node_;
  Duration life_;  // of what is signed here
  identity::Credentials credentials_;
  std::shared_ptr<identity::OpensslTls> tls_;
  std::string new_key_;  // a secret
  std::set<std::string> revoked_;
  std::uint64_t keys_revision_ = 0;  // installed since the start
};

// Of a GossipKey: drawn here, its id as keyrings show it.
[[nodiscard]] GossipKey new_gossip_key();

}  // namespace muster::agent
