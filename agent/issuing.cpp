#include "agent/issuing.h"

#include "identity/join_json.h"

namespace muster::agent {
namespace {

constexpr std::size_t kRefusedMax = 1024;

tl::unexpected<Error> plain() {
  return fail(Code::Unavailable,
              "this cluster is not secured: `muster init` makes one that is, with an authority "
              "that signs certificates");
}

}  // namespace

template <class Issue>
Result<Issuing::Signed> Issuing::signed_by_us(Result<Issue> issue) {
  if (!issue) return tl::unexpected<Error>(issue.error());
  if (!options_.sign) return plain();
  auto made = options_.sign(issue->order);
  if (!made) return tl::unexpected<Error>(made.error());
  Signed out{++last_, identity::recording(*issue, *made)};
  issue->order.authority.key.clear();
  pending_.emplace(out.number, Pending{std::move(*issue), std::move(*made)});
  return out;
}

Result<Issuing::Signed> Issuing::join(const ClusterState& state, const rpc::Join& join,
                                      WallTime now) {
  if (!options_.sign) return plain();
  const auto request = identity::parse_join_request(join.request);
  if (!request) return tl::unexpected<Error>(request.error());
  return signed_by_us(identity::admit(state, *request, join.from, options_.issuer, now));
}

Result<Issuing::Signed> Issuing::renew(const ClusterState& state, const PeerIdentity& peer,
                                       const rpc::Renew& renew, WallTime now) {
  if (!options_.sign) return plain();
  return signed_by_us(identity::admit_renewal(state, peer, {renew.request, renew.host, renew.clock},
                                              options_.issuer, now));
}

Result<Issuing::Signed> Issuing::certify(const ClusterState& state, const rpc::CertifyUser& ask,
                                         WallTime now) {
  if (!options_.sign) return plain();
  return signed_by_us(identity::admit_user(state, ask, options_.issuer, now));
}

Result<Outcome> Issuing::answer(std::uint64_t number, const ClusterState& state,
                                const Result<Outcome>& applied) {
  const auto found = pending_.find(number);
  CHECK(found != pending_.end());
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (!applied) return applied;
  Outcome outcome = *applied;
  if (const auto* user = std::get_if<identity::UserIssue>(&pending.issue)) {
    if (!state.user_certificates.contains(pending.made.serial)) {
      return fail(Code::Conflict,
                  "the certificate of user " + user->order.name.name + " was revoked meanwhile");
    }
    outcome.text = identity::user_answer(*user, pending.made);
    return outcome;
  }
  const auto& issue = std::get<identity::Issue>(pending.issue);
  if (!identity::is_current(state, issue.order.name.name, pending.made.serial)) {
    return fail(Code::Conflict, "the certificate of " + issue.order.name.name +
                                    " was replaced or revoked meanwhile: try again");
  }
  const bool joined = issue.replaces.empty();
  outcome.text = joined ? identity::text_of(identity::join_answer(state, issue, pending.made))
                        : pending.made.certificate;
  return outcome;
}

Result<CommandBody> Issuing::begin(const ClusterState& state, rpc::Rotation rotation,
                                   WallTime now) const {
  if (rotation == rpc::Rotation::GossipKey) {
    if (!options_.new_gossip_key) return plain();
    return identity::begin_gossip_rotation(state, options_.new_gossip_key());
  }
  if (!options_.new_authority) return plain();
  auto fresh = options_.new_authority(now);
  if (!fresh) return tl::unexpected<Error>(fresh.error());
  return identity::begin_authority_rotation(state, std::move(*fresh));
}

Rotations Issuing::rotations(
    const ClusterState& state,
    const std::map<NodeName, std::optional<rpc::FactsInstalled>>& installed, WallTime now) const {
  Rotations all;
  identity::InstalledBy said;
  for (const auto& [node, facts] : installed) {
    if (!facts) continue;
    said[node] = {facts->authorities_sha256, facts->keys_revision, facts->serial};
    if (!facts->refused.empty()) all.refused[node] = facts->refused.substr(0, kRefusedMax);
  }
  all.gossip_key = identity::next_gossip_step(state, said);
  if (!options_.issuer.sha256) return all;
  const std::string bundle = options_.issuer.sha256(identity::bundle_of(state));
  all.authority = identity::next_authority_step(state, said, bundle, now);
  return all;
}

std::vector<CommandBody> Issuing::founding(const ClusterState& state) const {
  if (!options_.founding) return {};
  return identity::founding_commands(state, *options_.founding);
}

}  // namespace muster::agent
