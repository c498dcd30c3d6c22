#include <algorithm>
#include <utility>

#include "base/problem.h"
#include "failover/applying.h"

namespace muster::failover {
namespace {

bool hexadecimal(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Status check_token(const TokenRecord& token) {
  if (Status ok = check_text("the token's id", token.id, kIdBytesMax); !ok) return ok;
  if (!hexadecimal(token.sha256, 64)) {
    return fail(Code::InvalidArgument, "token " + token.id + " has no SHA-256 of its secret");
  }
  if (token.kind == TokenKind::Join && token.expires == WallTime{}) {
    return fail(Code::InvalidArgument, "a join token must expire");
  }
  if (token.kind == TokenKind::Join && token.uses_left == 0) {
    return fail(Code::InvalidArgument, "a join token is for one use at least");
  }
  return check_comment("the description", token.description, kCommentBytesMax);
}

bool has_serial(const CertificateRecord& record, const std::string& serial) {
  return record.serial == serial ||
         std::any_of(record.former.begin(), record.former.end(),
                     [&](const FormerCertificate& former) { return former.serial == serial; });
}

Status check_certificate(const NodeName& node, const std::string& serial, WallTime expires,
                         WallTime at) {
  if (!valid_name(node)) {
    return fail(Code::InvalidArgument, in_quotes(node) + " is not a valid node name");
  }
  if (Status ok = check_text("the serial", serial, kIdBytesMax); !ok) return ok;
  if (expires > at) return {};
  return fail(Code::InvalidArgument, "the certificate of " + node + " would be expired already");
}

}  // namespace

void Applying::purge_tokens() {
  state_.tokens.erase_if([&](const auto& entry) {
    const TokenRecord& token = entry.second;
    const bool used_up = token.kind == TokenKind::Join && token.uses_left == 0;
    return expired(token, at_) || used_up;
  });
}

Applying::Said Applying::operator()(const PutToken& c) {
  if (Status ok = check_token(c.token); !ok) return tl::unexpected(ok.error());
  if (state_.tokens.contains(c.token.id)) {
    return fail(Code::Conflict, "there is a token " + c.token.id + " already: delete it first");
  }
  if (state_.tokens.size() >= kTokensMax) purge_tokens();
  if (state_.tokens.size() >= kTokensMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kTokensMax) +
                                     " tokens, more are not allowed: delete one first");
  }
  TokenRecord& token = state_.tokens[c.token.id];
  token = c.token;
  token.created = at_;
  if (token.created_by.empty()) token.created_by = by_.name;
  std::string text = token.kind == TokenKind::Api
                         ? "token " + token.id + " for a" +
                               (token.role == Role::Viewer ? " " : "n ") +
                               std::string(to_text(token.role))
                         : "join token " + token.id + " for " + std::to_string(token.uses_left) +
                               " nodes as " + std::string(to_text(token.node_role));
  event("token-made", "token/" + token.id, text + " was made" + on_behalf());
  return text + " is made";
}

Applying::Said Applying::operator()(const DeleteToken& c) {
  if (state_.tokens.erase(c.id) == 0) {
    return fail(Code::NotFound,
                "no token has the id " + in_quotes(c.id) + ": `muster token list` lists them");
  }
  event("token-deleted", "token/" + c.id, "token " + c.id + " was deleted" + on_behalf());
  return "token " + c.id + " is deleted";
}

Status Applying::join_refused(const TokenRecord& token, const UseJoinToken& c) const {
  if (token.kind != TokenKind::Join) {
    return fail(Code::PermissionDenied, "token " + c.id + " is not a join token");
  }
  if (token.node_role != c.role) {
    return fail(Code::PermissionDenied, "token " + c.id + " lets nodes join as " +
                                            std::string(to_text(token.node_role)) + ", not as " +
                                            std::string(to_text(c.role)));
  }
  if (expired(token, at_)) {
    return fail(Code::PermissionDenied, "join token " + c.id + " has expired: make another");
  }
  if (token.uses_left == 0) {
    return fail(Code::PermissionDenied, "join token " + c.id + " is used up: make another");
  }
  return {};
}

Applying::Said Applying::operator()(const UseJoinToken& c) {
  if (Status ok = check_certificate(c.node, c.serial, c.expires, at_); !ok) {
    return tl::unexpected(ok.error());
  }
  const ClusterState& state = state_;
  const auto token = state.tokens.find(c.id);
  if (token == state.tokens.end()) {
    return fail(Code::PermissionDenied, "no join token has this id: make another");
  }
  // A node that never heard the answer asks again with the same key: that takes no further use.
  const auto known = state.certificates.find(c.node);
  const bool valid = known != state.certificates.end() && known->second.expires > at_;
  const bool again = valid && !c.key.empty() && known->second.key == c.key;
  TokenRecord checked = token->second;
  if (again) ++checked.uses_left;
  if (Status ok = join_refused(checked, c); !ok) return tl::unexpected(ok.error());
  if (valid && !again) {
    return fail(Code::Conflict, "a node " + c.node +
                                    " is in the cluster: choose another name, or revoke that node "
                                    "first with `muster revoke " +
                                    c.node + "`");
  }
  if (again && known->second.role != c.role) {
    return fail(Code::PermissionDenied, "node " + c.node + " is in the cluster as " +
                                            std::string(to_text(known->second.role)));
  }
  if (known == state.certificates.end() && state.certificates.size() >= kCertificatesMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kCertificatesMax) +
                                     " nodes with certificates, more are not allowed");
  }
  CertificateRecord record{.serial = c.serial,
                           .key = c.key,
                           .role = c.role,
                           .issued = at_,
                           .expires = c.expires,
                           .former = {},
                           .authority = c.authority};
  if (again) {
    record.former = known->second.former;
    record.former.push_back({known->second.serial, known->second.expires});
    if (record.former.size() > kFormerCertificatesMax) {
      return fail(Code::Exhausted, "node " + c.node + " has asked too often: revoke it first");
    }
  } else {
    --state_.tokens[c.id].uses_left;
  }
  state_.certificates[c.node] = std::move(record);
  const std::string text =
      "node " + c.node + " joins as " + std::string(to_text(c.role)) + " with token " + c.id;
  event("node-admitted", "node/" + c.node, text + on_behalf());
  return text;
}

Applying::Said Applying::operator()(const RecordCertificate& c) {
  if (Status ok = check_certificate(c.node, c.serial, c.expires, at_); !ok) {
    return tl::unexpected(ok.error());
  }
  const ClusterState& state = state_;
  const auto known = state.certificates.find(c.node);
  const bool fresh = known == state.certificates.end();
  if (c.replaces.empty() && !fresh && known->second.expires > at_) {
    return fail(Code::Conflict, "node " + c.node + " has a certificate already");
  }
  if (!c.replaces.empty() && (fresh || !has_serial(known->second, c.replaces))) {
    return fail(Code::PermissionDenied,
                "the certificate that node " + c.node +
                    " has is not on record: it was revoked, let the node join again");
  }
  if (!c.replaces.empty() && known->second.role != c.role) {
    return fail(Code::PermissionDenied, "a renewal does not change the role of " + c.node);
  }
  if (fresh && state.certificates.size() >= kCertificatesMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kCertificatesMax) +
                                     " nodes with certificates, more are not allowed");
  }
  CertificateRecord record{.serial = c.serial,
                           .key = c.key,
                           .role = c.role,
                           .issued = c.issued,
                           .expires = c.expires,
                           .former = {},
                           .authority = c.authority};
  if (!c.replaces.empty()) {
    record.former = known->second.former;
    record.former.push_back({known->second.serial, known->second.expires});
    std::erase_if(record.former, [&](const auto& former) { return former.expires <= at_; });
    if (record.former.size() > kFormerCertificatesMax) {
      return fail(Code::Exhausted, "node " + c.node + " renews too often: it has " +
                                       std::to_string(kFormerCertificatesMax) +
                                       " older certificates that are still valid");
    }
  }
  state_.certificates[c.node] = std::move(record);
  return "the certificate of " + c.node + " is on record";
}

Status Applying::make_room_for_revoked(std::size_t more) {
  const ClusterState& state = state_;
  if (state.revoked.size() + more > kRevokedMax) {
    state_.revoked.erase_if([&](const auto& entry) { return entry.second.expires <= at_; });
  }
  if (state.revoked.size() + more <= kRevokedMax) return {};
  return fail(Code::Exhausted, "there are " + std::to_string(state.revoked.size()) +
                                   " revoked certificates, more are not allowed: rotate the CA");
}

Applying::Said Applying::operator()(const RevokeNode& c) {
  const ClusterState& state = state_;
  const auto known = state.certificates.find(c.node);
  if (known == state.certificates.end()) {
    return fail(Code::NotFound, "node " + in_quotes(c.node) + " has no certificate");
  }
  std::vector<FormerCertificate> all = known->second.former;
  all.push_back({known->second.serial, known->second.expires});
  if (Status room = make_room_for_revoked(all.size()); !room) return tl::unexpected(room.error());
  for (const FormerCertificate& one : all) {
    state_.revoked[one.serial] = {
        .node = c.node, .at = at_, .by = by_.name, .expires = one.expires};
  }
  state_.certificates.erase(c.node);
  const std::string text = "node " + c.node + " was revoked";
  event("node-revoked", "node/" + c.node, text + on_behalf());
  return "node " + c.node + " is revoked";
}

Applying::Said Applying::operator()(const PutAuthority& c) {
  const AuthorityRecord& put = c.authority;
  if (Status ok = check_text("the authority's id", put.id, kIdBytesMax); !ok) {
    return tl::unexpected(ok.error());
  }
  if (put.certificate.empty() || put.certificate.size() > kPemBytesMax || put.key.empty() ||
      put.key.size() > kPemBytesMax) {
    return fail(Code::InvalidArgument, "the certificate and the key of authority " + put.id +
                                           " must have 1 to " + std::to_string(kPemBytesMax) +
                                           " bytes each");
  }
  const bool fresh = !state_.authorities.contains(put.id);
  if (fresh && state_.authorities.size() >= kAuthoritiesMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kAuthoritiesMax) +
                                     " authorities, more are not allowed: retire one first");
  }
  if (put.active) {
    for (auto& [id, authority] : state_.authorities.edit()) authority.active = false;
  }
  state_.authorities[put.id] = put;
  const std::string text =
      "authority " + put.id + (put.active ? " signs from now on" : " is trusted");
  event("authority-put", "authority/" + put.id, text + on_behalf());
  return text;
}

Applying::Said Applying::operator()(const RetireAuthority& c) {
  const ClusterState& state = state_;
  const auto found = state.authorities.find(c.id);
  if (found == state.authorities.end()) {
    return fail(Code::NotFound, "no authority has the id " + in_quotes(c.id));
  }
  if (found->second.active) {
    return fail(Code::Conflict, "authority " + c.id + " signs: put another in its place first");
  }
  state_.authorities.erase(c.id);
  const std::string text = "authority " + c.id + " is not trusted any more";
  event("authority-retired", "authority/" + c.id, text + on_behalf());
  return text;
}

Applying::Said Applying::operator()(const PutGossipKeys& c) {
  if (c.keys.empty() || c.keys.size() > kGossipKeysMax) {
    return fail(Code::InvalidArgument, "a gossip keyring has 1 to " +
                                           std::to_string(kGossipKeysMax) + " keys, not " +
                                           std::to_string(c.keys.size()));
  }
  for (std::size_t i = 0; i < c.keys.size(); ++i) {
    if (Status ok = check_text("a gossip key's id", c.keys[i].id, kIdBytesMax); !ok) {
      return tl::unexpected(ok.error());
    }
    if (c.keys[i].secret.empty() || c.keys[i].secret.size() > kIdBytesMax) {
      return fail(Code::InvalidArgument, "gossip key " + c.keys[i].id + " has no fitting secret");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (c.keys[i].id == c.keys[j].id) {
        return fail(Code::InvalidArgument, "gossip key " + c.keys[i].id + " is there twice");
      }
    }
  }
  if (std::none_of(c.keys.begin(), c.keys.end(),
                   [&](const GossipKey& key) { return key.id == c.primary; })) {
    return fail(Code::InvalidArgument,
                "the primary gossip key " + in_quotes(c.primary) + " is not in the ring");
  }
  state_.gossip_keys = {.revision = index_, .keys = c.keys, .primary = c.primary};
  std::string text = "the gossip keyring has " + std::to_string(c.keys.size()) + " keys now, " +
                     c.primary + " seals";
  event("gossip-keys-put", "cluster", text + on_behalf());
  return text;
}

}  // namespace muster::failover
