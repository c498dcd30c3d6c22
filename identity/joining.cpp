#include "identity/joining.h"

#include <algorithm>
#include <utility>

#include "base/problem.h"
#include "identity/clock.h"
#include "identity/token.h"

namespace muster::identity {
namespace {

constexpr std::size_t kGossipAddressesMax = 8;
constexpr Duration kRenewalPause = std::chrono::minutes(1);

// Digests of random secrets: where two differ says nothing of use. Still no early end.
bool same(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

// A host that another node on record has is left out: nobody gets a certificate for his neighbour.
bool of_another(const ClusterState& state, const NodeName& node, const std::string& host) {
  const bool nodes = std::any_of(state.nodes.begin(), state.nodes.end(), [&](const auto& other) {
    const NodeInfo& info = other.second.info;
    return other.first != node &&
           (info.rpc.host == host || info.http.host == host || info.gossip.host == host);
  });
  return nodes || std::any_of(state.masters.begin(), state.masters.end(), [&](const auto& other) {
           return other.first != node && other.second.rpc.host == host;
         });
}

std::vector<std::string> hosts_of(const ClusterState& state, const NodeName& node,
                                  const std::vector<std::string>& more) {
  std::vector<std::string> hosts = own_hosts(node);
  if (of_another(state, node, node)) std::erase(hosts, node);
  for (const std::string& host : more) {
    const bool taken = std::find(hosts.begin(), hosts.end(), host) != hosts.end();
    if (host.empty() || host.size() > 63 || taken || of_another(state, node, host)) continue;
    if (state.nodes.contains(host) || state.certificates.contains(host)) continue;
    hosts.push_back(host);
  }
  return hosts;
}

// As browsers and resolvers see it: "10.9.8.7", "1" and "0x7f.1" are addresses.
bool reads_as_address(std::string_view name) {
  std::string_view last = name.substr(name.rfind('.') + 1);
  const bool hex = last.starts_with("0x");
  if (hex) last.remove_prefix(2);
  return last.find_first_not_of(hex ? "0123456789abcdef" : "0123456789") == std::string_view::npos;
}

SignOrder order_of(const ClusterState& state, const AuthorityRecord& authority,
                   const std::string& request, CertificateName name,
                   const std::vector<std::string>& hosts, const Issuer& issuer, WallTime now) {
  SignOrder order;
  order.hosts = hosts_of(state, name.name, hosts);
  order.authority = {authority.certificate, authority.key};
  order.request = request;
  order.name = std::move(name);
  order.now = now;
  order.life = issuer.life;
  return order;
}

// The same words for every reason that a guesser could learn from.
tl::unexpected<Error> unknown_token() {
  return fail(Code::PermissionDenied,
              "this join token is not known, has expired or is used up: `muster token create "
              "--role agent` makes another");
}

tl::unexpected<Error> overdue_token(const Error& clocks, const TokenRecord& token) {
  return fail(Code::PermissionDenied, "by this master's clock the join token expired at " +
                                          utc_text(token.expires) + ", and " + clocks.text +
                                          ", with a new token if this master's clock is right");
}

}  // namespace

Result<AuthorityRecord> signing(const ClusterState& state) {
  for (const auto& [id, authority] : state.authorities) {
    if (authority.active) return authority;
  }
  return fail(Code::Unavailable,
              "this cluster has no authority that signs: `muster init` makes a secured cluster");
}

Status check_node_name(const NodeName& name) {
  if (!valid_name(name)) {
    return fail(Code::InvalidArgument, in_quotes(name) +
                                           " is not a name: write 1 to 63 of a-z, 0-9, - and ., "
                                           "with a letter or digit at both ends");
  }
  if (!reads_as_address(name)) return {};
  return fail(Code::InvalidArgument, in_quotes(name) +
                                         " reads as an address, and a certificate for it would be "
                                         "one for that address: let the name end in a letter");
}

std::vector<std::string> own_hosts(const NodeName& node) {
  std::vector<std::string> hosts{"localhost", "127.0.0.1"};
  if (node.find('.') == std::string::npos) hosts.push_back(node);
  return hosts;
}

Result<Issue> admit(const ClusterState& state, const JoinRequest& request, const std::string& from,
                    const Issuer& issuer, WallTime now) {
  const auto token = parse_join_token(request.token);
  if (!token) return tl::unexpected<Error>(token.error());
  const auto record = state.tokens.find(token->id);
  if (record == state.tokens.end() || record->second.kind != TokenKind::Join ||
      !same(issuer.sha256(token->secret), record->second.sha256)) {
    return unknown_token();
  }
  // Whoever shows the secret is told what is wrong otherwise. By which clock has it expired?
  const Status clock = check_clock("the machine that wants to join", request.clock, now, "join");
  if (expired(record->second, now)) {
    return clock ? unknown_token() : overdue_token(clock.error(), record->second);
  }
  if (record->second.node_role != token->role) {
    return fail(Code::PermissionDenied, "this token is for joining as " +
                                            std::string(to_text(record->second.node_role)) +
                                            ", and was changed to say otherwise");
  }
  if (Status name = check_node_name(request.name); !name) {
    return tl::unexpected<Error>(name.error());
  }
  if (!clock) return tl::unexpected<Error>(clock.error());
  auto authority = signing(state);
  if (!authority) return tl::unexpected<Error>(authority.error());
  const CertificateName name{issuer.cluster, request.name, token->role};
  return Issue{order_of(state, *authority, request.request, name, {from}, issuer, now),
               token->role,
               authority->id,
               token->id,
               {}};
}

Result<Issue> admit_renewal(const ClusterState& state, const PeerIdentity& peer,
                            const Renewal& asked, const Issuer& issuer, WallTime now) {
  const auto known = state.certificates.find(peer.name);
  const bool on_record =
      known != state.certificates.end() && peer.cluster == issuer.cluster &&
      !state.revoked.contains(peer.serial) &&
      (known->second.serial == peer.serial ||
       std::any_of(known->second.former.begin(), known->second.former.end(),
                   [&](const FormerCertificate& one) { return one.serial == peer.serial; }));
  if (!on_record) {
    return fail(Code::PermissionDenied, "the certificate of node " + peer.name +
                                            " is not on record, or was revoked: join it anew");
  }
  if (asked.clock != WallTime{}) {
    // What one of the two cannot use yet would only take the place of what both can.
    Status agrees = check_clock(peer.name, asked.clock, now, "it is asked for again by itself");
    if (!agrees) return tl::unexpected<Error>(agrees.error());
  }
  auto authority = signing(state);
  if (!authority) return tl::unexpected<Error>(authority.error());
  // Whoever asks again at once has lost nothing but the answer: the log shall not fill with him.
  const Duration pause = std::min<Duration>(kRenewalPause, issuer.life / 10);
  if (known->second.serial == peer.serial && known->second.authority == authority->id &&
      now - known->second.issued < pause) {
    return fail(Code::Exhausted, "the certificate of node " + peer.name +
                                     " was made a moment ago: try again in a minute");
  }
  const auto node = state.nodes.find(peer.name);
  const bool registered = node != state.nodes.end() && node->second.info.rpc.host == asked.host;
  const std::vector<std::string> hosts = registered && reads_as_address(asked.host)
                                             ? std::vector{asked.host}
                                             : std::vector<std::string>{};
  const NodeRole role = known->second.role;
  return Issue{order_of(state, *authority, asked.request, {issuer.cluster, peer.name, role}, hosts,
                        issuer, now),
               role,
               authority->id,
               {},
               peer.serial};
}

CommandBody recording(const Issue& issue, const SignedCertificate& made) {
  const NodeName& node = issue.order.name.name;
  if (issue.replaces.empty()) {
    return UseJoinToken{issue.token, node,      made.serial,    made.key,
                        issue.role,  made.ends, issue.authority};
  }
  return RecordCertificate{node,       made.serial,     made.key,  issue.replaces,
                           issue.role, issue.order.now, made.ends, issue.authority};
}

bool is_current(const ClusterState& state, const NodeName& node, const std::string& serial) {
  const auto known = state.certificates.find(node);
  return known != state.certificates.end() && known->second.serial == serial;
}

std::string bundle_of(const ClusterState& state) {
  std::string first, others;
  for (const auto& [id, authority] : state.authorities) {
    (authority.active ? first : others) += authority.certificate;
  }
  return first + others;
}

bool is_revoked(const ClusterState& state, const NodeName& node) {
  if (node.empty() || state.revoked.empty() || state.certificates.contains(node)) return false;
  return std::any_of(state.revoked.begin(), state.revoked.end(),
                     [&](const auto& one) { return one.second.node == node; });
}

JoinAnswer join_answer(const ClusterState& state, const Issue& issue,
                       const SignedCertificate& made) {
  JoinAnswer answer;
  answer.cluster = issue.order.name.cluster;
  answer.cluster_id = state.id;
  answer.role = issue.role;
  answer.certificate = made.certificate;
  answer.bundle = bundle_of(state);
  answer.gossip_keys = state.gossip_keys;
  for (const auto& [name, master] : state.masters) answer.masters.emplace_back(name, master.rpc);
  for (const auto& [name, node] : state.nodes) {
    if (node.state != NodeState::Alive || name == issue.order.name.name) continue;
    // Masters first: they are the last to go.
    const auto at = state.masters.contains(name) ? answer.gossip.begin() : answer.gossip.end();
    answer.gossip.insert(at, node.info.gossip);
  }
  if (answer.gossip.size() > kGossipAddressesMax) answer.gossip.resize(kGossipAddressesMax);
  return answer;
}

}  // namespace muster::identity
