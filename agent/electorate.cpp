#include "agent/electorate.h"

#include <algorithm>

namespace muster::agent {

Electorate::Electorate(std::map<NodeName, Address> configured, NodeName self)
    : configured_(std::move(configured)), self_(std::move(self)), masters_(configured_) {}

bool Electorate::update(const ClusterState& state, const std::vector<raft::Server>& servers) {
  // Names come from the state, and from the configuration for those that it does not name yet.
  std::map<MasterId, NodeName> names;
  for (const auto& [name, address] : configured_) names[master_id(name)] = name;
  for (const auto& [name, record] : state.masters) names[master_id(name)] = name;
  std::map<NodeName, Address> masters;
  for (const raft::Server& server : servers) {
    const auto name = names.find(server.id);
    const auto address = parse_address(server.address);
    if (name != names.end() && address) masters[name->second] = *address;
  }
  if (masters.empty()) masters = configured_;  // a master that joins knows only whom it was told
  const bool same = masters == masters_ && servers == servers_;
  masters_ = std::move(masters);
  servers_ = servers;
  changed_ = changed_ || (!servers_.empty() && masters_ != configured_);
  return !same;
}

NodeName Electorate::name_of(MasterId id) const {
  for (const auto& [name, address] : masters_) {
    if (master_id(name) == id) return name;
  }
  return {};
}

Address Electorate::address_of(const NodeName& name) const {
  const auto found = masters_.find(name);
  return found == masters_.end() ? Address{} : found->second;
}

void Electorate::learn(const NodeName& name, const Address& rpc) {
  if (!servers_.empty() || rpc == Address{}) return;
  configured_[name] = rpc;
  masters_[name] = rpc;
}

std::vector<rpc::MasterAddress> Electorate::list() const {
  std::vector<rpc::MasterAddress> list;
  for (const auto& [name, address] : masters_) {
    if (list.size() < rpc::kMastersMax) list.push_back({name, address});
  }
  return list;
}

const raft::Server* Electorate::server_of(const NodeName& name) const {
  const auto found =
      std::find_if(servers_.begin(), servers_.end(),
                   [id = master_id(name)](const raft::Server& one) { return one.id == id; });
  return found == servers_.end() ? nullptr : &*found;
}

std::optional<ElectorateStep> Electorate::next_step(
    const ClusterState& state, const std::set<MasterId>& heard, const std::set<MasterId>& caught_up,
    const std::map<NodeName, Candidate>& candidates) const {
  // Whoever has acknowledged an entry is remembered: should its disk be empty one day, it was lost.
  for (const auto& [name, address] : masters_) {
    const auto known = state.masters.find(name);
    if (known != state.masters.end() && known->second.rpc == address) continue;
    if (name == self_ || heard.contains(master_id(name))) {
      return CommandBody(SetMaster{name, address});
    }
  }
  std::size_t voters = 0;
  for (const raft::Server& server : servers_) {
    if (server.voter) ++voters;
  }
  for (const raft::Server& server : servers_) {
    if (server.voter || !caught_up.contains(server.id) || voters >= kVotersMax) continue;
    return PromoteServer{name_of(server.id), server};
  }
  for (const auto& [name, candidate] : candidates) {
    const auto retired = retired_.find(name);
    const bool unwanted = retired != retired_.end() && retired->second == candidate.boot;
    if (unwanted || server_of(name) != nullptr || servers_.size() >= kVotersMax) continue;
    const auto known = state.masters.find(name);
    if (known == state.masters.end() || known->second.rpc != candidate.rpc) {
      return CommandBody(SetMaster{name, candidate.rpc});
    }
    return AddServer{name, {master_id(name), candidate.rpc.text(), false}};
  }
  for (const auto& [name, record] : state.masters) {
    if (server_of(name) != nullptr || candidates.contains(name)) continue;
    return CommandBody(ForgetMaster{name});
  }
  return std::nullopt;
}

}  // namespace muster::agent
