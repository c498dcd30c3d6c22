#include "agent/facts.h"

#include <algorithm>

#include "identity/joining.h"

namespace muster::agent {

rpc::Facts facts_of(const ClusterState& state, const Electorate& electorate) {
  rpc::Facts facts;
  facts.revision = state.index;
  facts.cluster_id = state.id;
  facts.masters = electorate.list();
  facts.authorities = identity::bundle_of(state);
  for (const auto& [serial, record] : state.revoked) facts.revoked.push_back(serial);
  for (const auto& [id, token] : state.tokens) {
    if (token.kind != TokenKind::Api) continue;
    facts.tokens.push_back({id, token.sha256, std::string(to_text(token.role)), token.expires});
  }
  facts.keys_revision = state.gossip_keys.revision;
  for (const GossipKey& key : state.gossip_keys.keys) {
    facts.gossip_keys.push_back({key.id, key.secret});
  }
  std::stable_partition(facts.gossip_keys.begin(), facts.gossip_keys.end(),
                        [&](const auto& key) { return key.id == state.gossip_keys.primary; });
  return facts;
}

std::shared_ptr<const ClusterState> known_state(const rpc::Facts& facts) {
  auto state = std::make_shared<ClusterState>();
  state->id = facts.cluster_id;
  state->index = facts.revision;
  for (const rpc::ApiToken& token : facts.tokens) {
    TokenRecord record;
    record.id = token.id;
    record.role = parse_role(token.role).value_or(Role::Viewer);
    record.sha256 = token.sha256;
    record.expires = token.expires;
    state->tokens[token.id] = std::move(record);
  }
  for (const std::string& serial : facts.revoked) state->revoked[serial] = {};
  return state;
}

}  // namespace muster::agent
