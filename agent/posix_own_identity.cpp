#include "agent/posix_own_identity.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "health/openssl_sealer.h"
#include "health/posix_keyring.h"
#include "identity/clock.h"
#include "identity/openssl_authority.h"
#include "identity/openssl_certificate.h"
#include "identity/posix_identity.h"

namespace muster::agent {
namespace {

using health::KeyringFile;
using health::RingKey;

// The ring becomes these keys, the first of which seals.
Status take_keys(KeyringFile& ring, const std::vector<RingKey>& keys) {
  const auto place = [&](const RingKey& key) {
    return static_cast<std::size_t>(std::find(ring.keys().begin(), ring.keys().end(), key) -
                                    ring.keys().begin());
  };
  // First what goes, so that there is room for what comes; the one that seals goes last.
  for (std::size_t i = ring.keys().size(); i-- > 1;) {
    if (std::find(keys.begin(), keys.end(), ring.keys()[i]) != keys.end()) continue;
    if (Status removed = ring.remove(i); !removed) return removed;
  }
  for (const RingKey& key : keys) {
    if (place(key) < ring.keys().size()) continue;
    if (Status added = ring.add(key); !added) return added;
  }
  ring.use(place(keys.front()));
  for (std::size_t i = ring.keys().size(); i-- > 1;) {
    if (std::find(keys.begin(), keys.end(), ring.keys()[i]) != keys.end()) continue;
    if (Status removed = ring.remove(i); !removed) return removed;
  }
  return {};
}

}  // namespace

GossipKey new_gossip_key() {
  const RingKey key = health::random_ring_key();
  return {health::key_id_text(health::key_id(key)), health::ring_key_text(key)};
}

OwnIdentity::OwnIdentity(const Config& config, identity::Credentials credentials,
                         std::shared_ptr<identity::OpensslTls> tls)
    : directory_(config.identity.dir),
      keyring_(config.gossip.keyring),
      cluster_(config.cluster),
      node_(config.node.name),
      life_(config.identity.certificate_life),
      credentials_(std::move(credentials)),
      tls_(std::move(tls)) {}

Result<std::unique_ptr<OwnIdentity>> OwnIdentity::open(const Config& config) {
  auto credentials = identity::load_credentials(config.identity.dir);
  if (!credentials) return tl::unexpected<Error>(credentials.error());
  auto tls = identity::OpensslTls::make(*credentials, {config.cluster, {}});
  if (!tls) {
    return fail(tls.error().code, config.identity.dir + ": " + tls.error().text);
  }
  const identity::CertificateFacts own = (*tls)->own();
  if (own.name->name != config.node.name) {
    return fail(Code::InvalidArgument, config.identity.dir + " is the identity of node " +
                                           own.name->name + ": set node.name to that, or join as " +
                                           config.node.name + " with another identity.dir");
  }
  auto revoked = identity::load_revoked(config.identity.dir);
  if (!revoked) return tl::unexpected<Error>(revoked.error());
  std::unique_ptr<OwnIdentity> made(
      new OwnIdentity(config, std::move(*credentials), std::move(*tls)));
  made->revoked_ = std::move(*revoked);
  made->tls_->revoke(made->revoked_);
  return made;
}

OwnCertificate OwnIdentity::certificate() const {
  const identity::CertificateFacts own = tls_->own();
  return {own.serial, own.begins, own.ends};
}

Result<IssuingOptions> OwnIdentity::issuing() const {
  IssuingOptions options;
  options.issuer = {cluster_, identity::sha256, life_};
  options.sign = identity::sign;
  options.new_authority = [cluster = cluster_](WallTime now) -> Result<AuthorityRecord> {
    auto made = identity::make_authority(cluster, now);
    if (!made) return tl::unexpected<Error>(made.error());
    const auto facts = identity::read_certificate(made->certificate);
    if (!facts) return tl::unexpected<Error>(facts.error());
    return AuthorityRecord{identity::authority_id(facts->pin), std::move(made->certificate),
                           std::move(made->key), now, false};
  };
  options.new_gossip_key = new_gossip_key;
  const auto text = identity::load_founding(directory_);
  if (!text) return tl::unexpected<Error>(text.error());
  if (*text) {
    auto founding = identity::parse_founding(**text, directory_ + "/founding");
    if (!founding) return tl::unexpected<Error>(founding.error());
    options.founding = std::move(*founding);
  }
  return options;
}

Status OwnIdentity::install_keys(const rpc::Facts& facts, bool& changed) {
  if (facts.gossip_keys.empty() || facts.keys_revision == keys_revision_) return {};
  std::vector<RingKey> keys;
  for (const rpc::GossipSecret& secret : facts.gossip_keys) {
    const auto key = health::parse_ring_key(secret.secret);
    if (!key) {
      return fail(Code::InvalidArgument, "gossip key " + secret.id + " of the masters is none");
    }
    keys.push_back(*key);
  }
  const auto now = health::load_keyring(keyring_);
  if (!now) return tl::unexpected<Error>(now.error());
  if (now->keys() != keys) {
    const Status done =
        health::change_keyring(keyring_, [&](KeyringFile& ring) { return take_keys(ring, keys); });
    if (!done) return done;
    changed = true;
  }
  keys_revision_ = facts.keys_revision;
  return {};
}

// What keeps the bundle from being taken by this clock; empty: it is in use.
Result<std::string> OwnIdentity::install_authorities(const std::string& bundle, WallTime now) {
  if (bundle == credentials_.bundle) return std::string();
  const auto offered = identity::read_bundle(bundle);
  if (!offered) return tl::unexpected<Error>(offered.error());
  const auto trusted = identity::read_bundle(credentials_.bundle);
  if (!trusted) return tl::unexpected<Error>(trusted.error());
  for (const identity::CertificateFacts& one : *offered) {
    const bool known = std::any_of(trusted->begin(), trusted->end(), [&](const auto& other) {
      return other.pin == one.pin && other.serial == one.serial;
    });
    if (known) continue;
    const Status valid = identity::check_valid(
        "the new authority of this cluster (serial " + one.serial + ")", one.begins, one.ends, now);
    if (!valid) return valid.error().text;
  }
  identity::Credentials next = credentials_;
  next.bundle = bundle;
  // What would lock this node out is not written.
  if (Status taken = tls_->renew(next); !taken) return tl::unexpected<Error>(taken.error());
  if (Status wrote = identity::replace_bundle(directory_, bundle); !wrote) {
    return tl::unexpected<Error>(wrote.error());
  }
  credentials_ = std::move(next);
  return std::string();
}

Result<OwnIdentity::Installed> OwnIdentity::install(const rpc::Facts& facts, WallTime now) {
  Installed installed;
  if (!facts.authorities.empty()) {
    auto refused = install_authorities(facts.authorities, now);
    if (!refused) return tl::unexpected<Error>(refused.error());
    installed.refused = std::move(*refused);
    // The authority is in the replicated state now, and only there.
    if (Status gone = identity::remove_founding(directory_); !gone) {
      return tl::unexpected<Error>(gone.error());
    }
    installed.authorities_sha256 = identity::sha256(credentials_.bundle);
    installed.outdated = !identity::signed_by_first(credentials_.certificate, credentials_.bundle);
  }
  std::set<std::string> revoked(facts.revoked.begin(), facts.revoked.end());
  if (revoked != revoked_) {
    tls_->revoke(revoked);
    if (Status wrote = identity::replace_revoked(directory_, revoked); !wrote) {
      return tl::unexpected<Error>(wrote.error());
    }
    revoked_ = std::move(revoked);
  }
  if (Status keys = install_keys(facts, installed.keys_changed); !keys) {
    return tl::unexpected<Error>(keys.error());
  }
  return installed;
}

Result<std::string> OwnIdentity::make_request() {
  auto made = identity::make_request();
  if (!made) return tl::unexpected<Error>(made.error());
  new_key_ = std::move(made->key);
  return std::move(made->request);
}

Result<OwnCertificate> OwnIdentity::store(const std::string& certificate, WallTime now) {
  identity::Credentials next{certificate, std::exchange(new_key_, {}), credentials_.bundle};
  const auto facts = identity::read_certificate(certificate);
  if (!facts || !facts->name || facts->name->name != node_) {
    return fail(Code::InvalidArgument, "the coordinator's answer is no certificate of this node");
  }
  if (Status valid = identity::check_valid("the certificate with serial " + facts->serial,
                                           facts->begins, facts->ends, now);
      !valid) {
    return tl::unexpected<Error>(valid.error());
  }
  if (Status wrote = identity::replace_certificate(directory_, next.certificate, next.key);
      !wrote) {
    return tl::unexpected<Error>(wrote.error());
  }
  if (Status taken = tls_->renew(next); !taken) return tl::unexpected<Error>(taken.error());
  credentials_ = std::move(next);
  return this->certificate();
}

}  // namespace muster::agent
