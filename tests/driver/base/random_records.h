// What might the masters remember of keys, leases, requests and access, and be told of them?
//
// Test code; not thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "tests/driver/base/random_words.h"

namespace muster {

class RandomRecords : public RandomWords {
 public:
  using RandomWords::RandomWords;

  void fill_keys(ClusterState& state) {
    for (std::size_t left = below(80); left > 0; --left) {
      const std::string key = text(30);
      if (state.kv.contains(key)) continue;
      const KeyRecord record{
          .value = blob(), .created = u64(), .modified = u64(), .version = u64()};
      state.kv.put(key, record);
      state.kv_bytes += key.size() + record.value->size();
      state.kv_changes.push_back({.index = u64(), .key = text(), .prefix = flag()});
      RequestRecord request{.id = text()};
      if (state.requests.contains(request.id)) continue;
      if (flag()) {
        request.index = 1 + u64() / 2;
        request.text = text();
        request.token = u64();
        request.asked = u64();
        if (flag()) request.error = Error{static_cast<Code>(below(10)), text()};
      }
      state.requests.remember(request, kRequestsMax);
    }
    state.kv_changes_from = u64();
    for (std::size_t left = below(6); left > 0; --left) {
      state.leases.put(text(), {.holder = text(),
                                .token = u64(),
                                .ttl_ms = u32(),
                                .granted_at = wall(),
                                .renewed = u64()});
    }
  }
  void fill_access(ClusterState& state) {
    for (std::size_t left = below(6); left > 0; --left) {
      const NodeName master = name();
      state.masters[master] = {.rpc = address(),
                               .id = below(2) == 0 ? master_id(master) : u64() | 1};
      const TokenRecord made = token();
      state.tokens[made.id] = made;
      const AuthorityRecord signs = authority();
      state.authorities[signs.id] = signs;
      state.certificates[name()] = {
          .serial = text(),
          .key = text(),
          .role = node_role(),
          .issued = wall(),
          .expires = wall(),
          .former = list(4, [&] { return FormerCertificate{.serial = text(), .expires = wall()}; }),
          .authority = text()};
      const bool of_user = flag();
      state.revoked[text()] = {.node = of_user ? "" : name(),
                               .at = wall(),
                               .by = text(),
                               .expires = wall(),
                               .user = of_user ? name() : ""};
      state.user_certificates[text()] = {.name = name(),
                                         .role = static_cast<Role>(below(3)),
                                         .issued = wall(),
                                         .expires = wall(),
                                         .issued_by = text(),
                                         .authority = text()};
    }
    if (flag()) state.gossip_keys = {.revision = u64(), .keys = gossip_keys(), .primary = text()};
  }
  NodeRole node_role() { return flag() ? NodeRole::Agent : NodeRole::Master; }
  TokenRecord token() {
    return {.id = text(),
            .kind = flag() ? TokenKind::Api : TokenKind::Join,
            .role = static_cast<Role>(below(3)),
            .node_role = node_role(),
            .sha256 = text(),
            .description = text(),
            .created = wall(),
            .expires = wall(),
            .uses_left = u32(),
            .created_by = text()};
  }
  AuthorityRecord authority() {
    return {
        .id = text(), .certificate = text(), .key = text(), .created = wall(), .active = flag()};
  }
  std::vector<GossipKey> gossip_keys() {
    return list(4, [&] { return GossipKey{.id = text(), .secret = text()}; });
  }
  SilenceRecord silence() {
    return {.matchers = list(4,
                             [&] {
                               return Matcher{.label = text(),
                                              .kind = static_cast<MatchKind>(below(4)),
                                              .value = text()};
                             }),
            .starts = wall(),
            .ends = wall(),
            .created_by = text(),
            .comment = text()};
  }
  std::optional<std::uint64_t> expected() { return flag() ? std::optional(u64()) : std::nullopt; }

  // Of what is done to access and silences; `alternative` is the index in CommandBody.
  CommandBody access_body(std::size_t alternative) {
    switch (alternative) {
      case 25: return PutToken{.token = token()};
      case 26: return DeleteToken{.id = text()};
      case 27:
        return UseJoinToken{.id = text(),
                            .node = name(),
                            .serial = text(),
                            .key = text(),
                            .role = node_role(),
                            .expires = wall(),
                            .authority = text()};
      case 28:
        return RecordCertificate{.node = name(),
                                 .serial = text(),
                                 .key = text(),
                                 .replaces = text(),
                                 .role = node_role(),
                                 .issued = wall(),
                                 .expires = wall(),
                                 .authority = text()};
      case 29: return RevokeNode{.node = name()};
      case 30: return PutAuthority{.authority = authority()};
      case 31: return RetireAuthority{.id = text()};
      case 32: return PutGossipKeys{.keys = gossip_keys(), .primary = text()};
      case 33: return PutSilence{.id = text(), .silence = silence()};
      case 34: return DeleteSilence{.id = text()};
      case 35:
        return RecordUserCertificate{.serial = text(),
                                     .name = name(),
                                     .role = static_cast<Role>(below(3)),
                                     .expires = wall(),
                                     .authority = text()};
      default: return RevokeUserCertificates{.name = flag() ? "" : name(), .serial = text()};
    }
  }
};

}  // namespace muster
