// Who may have which certificate? The books of the fuzzer secured_peer: a signer whose certificates
// are words, what the log says of tokens and certificates, and what must hold for each certificate
// that is handed out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/cluster_state.h"
#include "base/error.h"
#include "base/identity.h"
#include "base/protobuf_codec.h"
#include "failover/raft_effects.h"
#include "identity/joining.h"
#include "identity/token.h"

namespace muster::fuzz {

// In the keys of authorities, and in those of gossip.
inline constexpr const char* kAuthoritySecret = "Kq7#authority-key#Zx9";
inline constexpr const char* kGossipSecret = "Wv3+gossip+secret+Ty5";

// What an administrator's client shows; the same in every run, so that a script can hold it.
inline std::string admin_token() {
  return identity::text_of(
      identity::api_token(std::string(identity::kTokenIdBytes + identity::kSecretBytes, 'a')));
}

class CertificateBooks {
 public:
  struct Certificate {
    PeerIdentity shows;
    std::string key;
    std::string authority;  // the certificate of the one that signed
  };

  bool refuses = false;  // the signer, whatever it is asked

  Result<identity::SignedCertificate> sign(const identity::SignOrder& order) {
    CHECK(order.name.cluster == "fuzz" && valid_name(order.name.name) && !order.hosts.empty());
    CHECK(order.authority.key.starts_with(kAuthoritySecret));
    if (refuses || order.request.empty()) return fail(Code::Internal, "the signer refuses");
    const std::string serial = "c" + std::to_string(made_.size());
    identity::SignedCertificate made;
    made.certificate = "certificate " + serial + "\n";
    made.serial = serial;
    made.key = std::to_string(fnv1a64(order.request));
    made.begins = order.now - std::chrono::duration_cast<WallTime::duration>(identity::kBackdated);
    made.ends = order.now + std::chrono::duration_cast<WallTime::duration>(order.life);
    CHECK(order.name.is_node());  // never one for a person
    const bool master = std::get<NodeRole>(order.name.role) == NodeRole::Master;
    made_[made.certificate] = {{order.name.name, master, serial, "fuzz", made.ends},
                               made.key,
                               order.authority.certificate};
    return made;
  }
  [[nodiscard]] const Certificate* find(const std::string& certificate) const {
    const auto found = made_.find(certificate);
    return found == made_.end() ? nullptr : &found->second;
  }

  void note(const failover::AppendLog& log) {
    for (const raft::Entry& entry : log.entries) {
      if (entry.type != raft::EntryType::Command || !entry.data) continue;
      const auto command = protobuf_codec().decode_command(*entry.data);
      if (!command) continue;  // a master's that means ill
      if (const auto* put = std::get_if<PutToken>(&command->body)) {
        if (put->token.kind == TokenKind::Join) uses_[put->token.id] += put->token.uses_left;
      } else if (const auto* use = std::get_if<UseJoinToken>(&command->body)) {
        token_of_[use->serial] = use->id;
      } else if (const auto* record = std::get_if<RecordCertificate>(&command->body)) {
        recorded_.insert(record->serial);
      }
    }
  }
  [[nodiscard]] bool has_recorded(const std::string& serial) const {
    return recorded_.contains(serial) || token_of_.contains(serial);
  }

  // It leaves the masters, for a node that showed a token. A token is for so many nodes, each with
  // one key, as it was made for; who asks again with the same key takes no more of it.
  void hand_out_joined(const Certificate& one) {
    const auto token = token_of_.find(one.shows.serial);
    CHECK(token != token_of_.end());
    auto& given = given_[token->second];
    given.emplace(one.shows.name, one.key);
    CHECK(given.size() <= uses_[token->second]);
    keep(one);
  }
  // For the node that `peer` proved to be: for no other, and as no more than it was.
  void hand_out_renewed(const Certificate& one, const PeerIdentity& peer) {
    CHECK(recorded_.contains(one.shows.serial));
    CHECK(one.shows.name == peer.name && one.shows.master == peer.master);
    keep(one);
  }
  // What peers were given, and may show from then on.
  [[nodiscard]] const std::vector<PeerIdentity>& handed_out() const { return handed_out_; }

 private:
  static constexpr std::size_t kHandedOutMax = 64;
  void keep(const Certificate& one) {
    if (handed_out_.size() < kHandedOutMax) handed_out_.push_back(one.shows);
  }

  std::map<std::string, Certificate> made_;  // by their text
  std::map<std::string, std::uint64_t> uses_;
  std::map<std::string, std::string> token_of_;  // by serial
  std::set<std::string> recorded_;               // serials of renewals, and of those of the founder
  std::map<std::string, std::set<std::pair<NodeName, std::string>>> given_;  // by token
  std::vector<PeerIdentity> handed_out_;
};

// The state has heard of this certificate of the node, whatever became of it.
inline bool is_on_record(const ClusterState& state, const PeerIdentity& one, WallTime wall) {
  if (state.revoked.contains(one.serial) || one.expires <= wall) return true;
  const auto known = state.certificates.find(one.name);
  if (known == state.certificates.end()) return false;
  const auto& former = known->second.former;
  return known->second.serial == one.serial ||
         std::any_of(former.begin(), former.end(),
                     [&](const FormerCertificate& older) { return older.serial == one.serial; });
}

}  // namespace muster::fuzz
