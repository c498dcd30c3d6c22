#include "base/problem.h"
#include "failover/applying.h"

namespace muster::failover {

Applying::Said Applying::operator()(const CoordinatorElected& c) {
  const std::string before = state_.coordinator;
  state_.coordinator = c.node;
  state_.term = c.term;
  std::string text = c.node + " is coordinator in term " + std::to_string(c.term);
  if (!before.empty() && before != c.node) text += ", after " + before;
  if (!c.why.empty()) text += " (" + c.why + ")";
  event("coordinator-elected", "node/" + c.node, text);
  return text;
}

Applying::Said Applying::operator()(const NodeUp& c) {
  const auto found = state_.nodes.find(c.info.name);
  const bool known = found != state_.nodes.end();
  const bool back = known && found->second.state != NodeState::Alive;
  NodeRecord& record = state_.nodes[c.info.name];
  record.info = c.info;
  if (known && !back) return "node " + c.info.name + " registered again";
  record.state = NodeState::Alive;
  record.since = at_;
  const std::string text = c.info.name + (back ? " is back" : " joined") + " at " +
                           c.info.rpc.text() + ", version " + c.info.version;
  event("node-up", "node/" + c.info.name, text);
  return text;
}

Applying::Said Applying::operator()(const NodeSuspected& c) {
  event("node-suspected", "node/" + c.node, c.evidence);
  return c.node + " is suspected";
}

Applying::Said Applying::operator()(const NodeFailed& c) {
  return down(c.node, NodeState::Failed, "node-failed", c.node + " failed: " + c.evidence);
}

Applying::Said Applying::operator()(const NodeLeft& c) {
  return down(c.node, NodeState::Left, "node-left", c.node + " left by itself");
}

Applying::Said Applying::down(const NodeName& name, NodeState to, const char* kind,
                              const std::string& text) {
  const auto found = state_.nodes.find(name);
  if (found == state_.nodes.end()) {
    return fail(Code::NotFound, "no node is named \"" + name + "\"");
  }
  if (found->second.state == to) return name + " was " + std::string(to_text(to)) + " already";
  NodeRecord& record = state_.nodes[name];
  record.state = to;
  record.since = at_;
  // Its copies may still run there: they stay on record as lost until the node says otherwise.
  for (auto& [id, placement] : state_.placements.edit()) {
    if (placement.node == name) placement.lost = true;
  }
  event(kind, "node/" + name, text);
  return text;
}

Applying::Said Applying::operator()(const ClusterFormed& c) {
  if (Status ok = check_text("the cluster's id", c.id, kIdBytesMax); !ok) {
    return tl::unexpected(ok.error());
  }
  if (state_.id == c.id) return "the cluster was formed before";
  if (!state_.id.empty()) {
    return fail(Code::Conflict, "this cluster has the id " + state_.id + " and keeps it");
  }
  state_.id = c.id;
  event("cluster-formed", "cluster", "the cluster was formed, its id is " + c.id);
  return "the cluster is formed";
}

Applying::Said Applying::operator()(const SetMaster& c) {
  if (!valid_name(c.name)) {
    return fail(Code::InvalidArgument, in_quotes(c.name) + " is not a valid node name");
  }
  if (c.rpc.host.empty() || c.rpc.port == 0) {
    return fail(Code::InvalidArgument, "master " + c.name + " has no RPC address");
  }
  const ClusterState& state = state_;
  const auto known = state.masters.find(c.name);
  const bool fresh = known == state.masters.end();
  const MasterId id = c.id != 0 ? c.id : master_id(c.name);
  if (!fresh && known->second == MasterRecord{c.rpc, id}) {
    return "master " + c.name + " is on record already";
  }
  for (const auto& [name, master] : state.masters) {
    if (name == c.name) continue;
    if (master.id == id) {
      return fail(Code::Conflict, "the names " + name + " and " + c.name +
                                      " give the same consensus id: give the new master another");
    }
    if (master.rpc == c.rpc) {
      return fail(Code::Conflict, "master " + name + " has the address " + c.rpc.text() +
                                      ": remove it first, or give the new one another");
    }
  }
  if (fresh && state.masters.size() >= kMastersMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kMastersMax) +
                                     " masters, more are not allowed: remove one first");
  }
  state_.masters[c.name] = {c.rpc, id};
  const std::string text = "master " + c.name + " is at " + c.rpc.text();
  event("master-set", "node/" + c.name, text + on_behalf());
  return text;
}

Applying::Said Applying::operator()(const ForgetMaster& c) {
  if (!state_.masters.contains(c.name)) {
    return fail(Code::NotFound, "no master is named " + in_quotes(c.name) +
                                    ": `muster masters` lists those there are");
  }
  if (state_.masters.size() == 1) {
    return fail(Code::Conflict, c.name + " is the only master: add another first");
  }
  state_.masters.erase(c.name);
  const std::string text = c.name + " is not a master any more";
  event("master-forgotten", "node/" + c.name, text + on_behalf());
  return text;
}

}  // namespace muster::failover
