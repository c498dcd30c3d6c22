#include "agent/electorate.h"

#include <algorithm>

namespace muster::agent {

Electorate::Electorate(std::map<NodeName, Address> configured, NodeName self)
    : configured_(std::move(configured)), self_(std::move(self)), masters_(configured_) {
  for (const auto& [name, address] : configured_) names_[master_id(name)] = name;
}

bool Electorate::update(const ClusterState& state, const std::vector<raft::Server>& servers) {
  // Names come from the state, and from the configuration for those that it does not name yet.
  std::map<MasterId, NodeName> known;
  for (const auto& [name, address] : configured_) known[master_id(name)] = name;
  for (const auto& [id, name] : names_) {
    if (!is_unnamed(name)) known.insert_or_assign(id, name);
  }
  for (const auto& [name, record] : state.masters) known.insert_or_assign(record.id, name);
  std::map<NodeName, Address> masters;
  std::map<MasterId, NodeName> names;
  for (const raft::Server& server : servers) {
    const auto found = known.find(server.id);
    const auto address = parse_address(server.address);
    if (!address) continue;
    const NodeName name = found == known.end() ? server.address : found->second;
    masters[name] = *address;
    names[server.id] = name;
  }
  if (masters.empty()) {  // a master that joins knows only whom it was told of, and who spoke
    masters = configured_;
    names = std::move(known);
  }
  const bool same = masters == masters_ && servers == servers_;
  masters_ = std::move(masters);
  names_ = std::move(names);
  servers_ = servers;
  met_.clear();
  changed_ = changed_ || (!servers_.empty() && masters_ != configured_);
  return !same;
}

NodeName Electorate::name_of(MasterId id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? NodeName() : found->second;
}

MasterId Electorate::id_of(const NodeName& name) const {
  const raft::Server* server = server_of(name);
  return server == nullptr ? 0 : server->id;
}

Address Electorate::address_of(const NodeName& name) const {
  const auto found = masters_.find(name);
  return found == masters_.end() ? Address{} : found->second;
}

bool Electorate::meet(const NodeName& name, MasterId id, const Address& rpc) {
  if (id == 0 || name == self_) return false;
  const auto known = names_.find(id);
  if (known == names_.end()) {
    if (names_.size() >= rpc::kMastersMax) return false;
    names_.emplace(id, name);
  } else if (is_unnamed(known->second)) {
    auto entry = masters_.extract(known->second);
    if (!masters_.contains(name)) masters_.emplace(name, entry.mapped());
    known->second = name;
  } else if (known->second != name) {
    return false;
  }
  if (!masters_.contains(name) && rpc != Address{}) met_[name] = rpc;
  return true;
}

std::map<NodeName, Address> Electorate::others() const {
  std::map<NodeName, Address> out = masters_;
  out.insert(met_.begin(), met_.end());
  out.erase(self_);
  return out;
}

std::vector<rpc::MasterAddress> Electorate::list() const {
  std::vector<rpc::MasterAddress> list;
  for (const auto& [name, address] : masters_) {
    if (is_unnamed(name) || list.size() >= rpc::kMastersMax) continue;
    list.push_back({name, address});
  }
  return list;
}

const raft::Server* Electorate::server_of(const NodeName& name) const {
  const auto found = std::find_if(servers_.begin(), servers_.end(),
                                  [&](const raft::Server& one) { return name_of(one.id) == name; });
  return found == servers_.end() ? nullptr : &*found;
}

std::optional<ElectorateStep> Electorate::next_step(
    const ClusterState& state, const std::set<MasterId>& heard, const std::set<MasterId>& caught_up,
    const std::map<NodeName, Candidate>& candidates) const {
  // Whoever has acknowledged an entry is remembered: should its disk be empty one day, it was lost.
  for (const raft::Server& server : servers_) {
    const NodeName name = name_of(server.id);
    if (name.empty() || is_unnamed(name)) continue;
    if (name != self_ && !heard.contains(server.id)) continue;
    const MasterRecord record{masters_.at(name), server.id};
    const auto known = state.masters.find(name);
    if (known != state.masters.end() && known->second == record) continue;
    return CommandBody(SetMaster{name, record.rpc, record.id});
  }
  std::size_t voters = 0;
  for (const raft::Server& server : servers_) {
    if (server.voter) ++voters;
  }
  for (const raft::Server& server : servers_) {
    if (server.voter || !caught_up.contains(server.id) || voters >= kVotersMax) continue;
    return ServerStep{name_of(server.id), {raft::ChangeKind::Promote, server}};
  }
  for (const auto& [name, candidate] : candidates) {
    if (auto step = towards(name, candidate, state)) return step;
  }
  for (const auto& [name, record] : state.masters) {
    if (server_of(name) != nullptr || candidates.contains(name)) continue;
    return CommandBody(ForgetMaster{name});
  }
  return std::nullopt;
}

std::optional<ElectorateStep> Electorate::towards(const NodeName& name, const Candidate& candidate,
                                                  const ClusterState& state) const {
  if (const raft::Server* server = server_of(name)) {
    // One that had a vote may have forgotten what it promised: an operator must take it away.
    if (server->id == candidate.id || server->voter) return std::nullopt;
    return ServerStep{name, {raft::ChangeKind::Remove, *server}};
  }
  const auto retired = retired_.find(name);
  const bool unwanted = retired != retired_.end() && retired->second == candidate.boot;
  if (unwanted || !candidate.heeded || candidate.id == 0 || servers_.size() >= kVotersMax)
    return std::nullopt;
  const MasterRecord record{candidate.rpc, candidate.id};
  const auto known = state.masters.find(name);
  if (known == state.masters.end() || known->second != record) {
    return CommandBody(SetMaster{name, record.rpc, record.id});
  }
  return ServerStep{name, {raft::ChangeKind::Add, {record.id, record.rpc.text(), false}}};
}

}  // namespace muster::agent
