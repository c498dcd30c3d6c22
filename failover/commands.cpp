#include "failover/commands.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace muster::failover {
namespace {

// One command's visit: the state, and when and by what it is changed.
class Applying {
 public:
  Applying(ClusterState& state, WallTime at) : state_(state), at_(at) {}

  Result<std::string> operator()(const CoordinatorElected& c) {
    const std::string before = state_.coordinator;
    state_.coordinator = c.node;
    state_.term = c.term;
    std::string text = c.node + " is coordinator in term " + std::to_string(c.term);
    if (!before.empty() && before != c.node) text += ", after " + before;
    if (!c.why.empty()) text += " (" + c.why + ")";
    event("coordinator-elected", "node/" + c.node, text);
    return text;
  }

  Result<std::string> operator()(const NodeUp& c) {
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

  Result<std::string> operator()(const NodeSuspected& c) {
    event("node-suspected", "node/" + c.node, c.evidence);
    return c.node + " is suspected";
  }

  Result<std::string> operator()(const NodeFailed& c) {
    return down(c.node, NodeState::Failed, "node-failed", c.node + " failed: " + c.evidence);
  }

  Result<std::string> operator()(const NodeLeft& c) {
    return down(c.node, NodeState::Left, "node-left", c.node + " left by itself");
  }

  Result<std::string> operator()(const PutWorkload& c) {
    WorkloadRecord& record = state_.workloads[c.spec.name];
    const bool fresh = record.spec.name.empty();
    if (!fresh && record.spec == c.spec) return "workload " + c.spec.name + " is unchanged";
    // Another number of copies makes those that there are no worse: they are of the new revision.
    WorkloadSpec counted = record.spec;
    counted.replicas = c.spec.replicas;
    const std::uint64_t before = record.revision;
    record.revision = fresh ? 1 : record.revision + 1;
    for (auto& [id, placement] : state_.placements) {
      const bool same = !fresh && placement.workload == c.spec.name && placement.revision == before;
      if (same && counted == c.spec) placement.revision = record.revision;
    }
    record.spec = c.spec;
    record.applied_at = at_;
    std::string text = "workload " + c.spec.name + (fresh ? " created" : " changed") +
                       ", revision " + std::to_string(record.revision);
    event("workload-applied", "workload/" + c.spec.name, text);
    return text;
  }

  Result<std::string> operator()(const StopWorkload& c) {
    if (state_.workloads.erase(c.name) == 0) {
      return fail(Code::NotFound, "no workload is named \"" + c.name +
                                      "\": `muster workloads` lists those there are");
    }
    state_.unplaceable.erase(c.name);
    for (auto& [id, placement] : state_.placements) {
      if (placement.workload == c.name) placement.wanted = Wanted::Stop;
    }
    event("workload-stopped", "workload/" + c.name, "workload " + c.name + " stopped by request");
    return "workload " + c.name + " is being stopped";
  }

  Result<std::string> operator()(const PlaceInstance& c) {
    const auto workload = state_.workloads.find(c.workload);
    if (workload == state_.workloads.end() || workload->second.revision != c.revision) {
      return fail(Code::Conflict, "workload " + c.workload + " changed since it was placed");
    }
    const auto node = state_.nodes.find(c.node);
    if (node == state_.nodes.end() || node->second.state != NodeState::Alive) {
      return fail(Code::Conflict, "node " + c.node + " is not alive any more");
    }
    Placement placement;
    placement.instance = state_.next_instance++;
    placement.workload = c.workload;
    placement.revision = c.revision;
    placement.node = c.node;
    placement.token = state_.next_token++;
    placement.replaces = c.replaces;
    placement.port = workload->second.spec.port;
    placement.resources = workload->second.spec.resources;
    placement.placed_at = at_;
    placement.reason = c.reason;
    placement.status.instance = placement.instance;
    placement.status.at = at_;
    const std::string text = about(placement) + " placed: " + c.reason;
    event("placed", subject(placement), text);
    state_.placements.emplace(placement.instance, std::move(placement));
    return text;
  }

  Result<std::string> operator()(const StopInstance& c) {
    const auto found = state_.placements.find(c.instance);
    if (found == state_.placements.end()) return gone(c.instance);
    Placement& placement = found->second;
    if (placement.wanted == Wanted::Stop) return "instance is being stopped already";
    placement.wanted = Wanted::Stop;
    const std::string text = about(placement) + " is being stopped: " + c.reason;
    event("instance-stopping", subject(placement), text);
    return text;
  }

  Result<std::string> operator()(const ForgetInstance& c) {
    const auto found = state_.placements.find(c.instance);
    if (found == state_.placements.end()) return gone(c.instance);
    const std::string text = about(found->second) + " ended: " + c.reason;
    event("instance-stopped", subject(found->second), text);
    state_.placements.erase(found);
    return text;
  }

  Result<std::string> operator()(const KeepInstance& c) {
    const auto found = state_.placements.find(c.instance);
    if (found == state_.placements.end()) return gone(c.instance);
    found->second.lost = false;
    const bool done = found->second.status.phase == Phase::Done;
    const std::string text =
        about(found->second) + (done ? " had done its work before its node was away"
                                     : " lived on while its node was away");
    event("instance-kept", subject(found->second), text);
    return text;
  }

  Result<std::string> operator()(const ReportInstances& c) {
    for (const InstanceStatus& status : c.statuses) {
      const auto found = state_.placements.find(status.instance);
      if (found == state_.placements.end()) continue;  // forgotten meanwhile
      Placement& placement = found->second;
      const bool moved = placement.status.phase != status.phase;
      placement.status = status;
      if (!moved) continue;
      std::string text = about(placement) + " is " + std::string(to_text(status.phase));
      if (status.pid != 0) text += ", pid " + std::to_string(status.pid);
      if (!status.why.empty()) text += ": " + status.why;
      state_.events.push_back({state_.next_event++, status.at,
                               "instance-" + std::string(to_text(status.phase)), subject(placement),
                               std::move(text)});
      bound_events();
    }
    return "reported";
  }

  Result<std::string> operator()(const MarkUnplaceable& c) {
    if (c.reasons.empty()) {
      if (state_.unplaceable.erase(c.workload) == 0) return "workload was placeable";
      event("placeable", "workload/" + c.workload, c.workload + " has room again");
      return "workload is placeable again";
    }
    if (!state_.workloads.contains(c.workload)) {  // a mark that nothing would ever take away
      return fail(Code::NotFound, "workload " + c.workload + " was stopped meanwhile");
    }
    const bool known = state_.unplaceable.contains(c.workload);
    state_.unplaceable[c.workload] = c.reasons;
    if (known) return "reasons changed";
    std::string text = "no node can take " + c.workload;
    for (const std::string& reason : c.reasons) text += "; " + reason;
    event("unplaceable", "workload/" + c.workload, text);
    return text;
  }

  Result<std::string> operator()(const AlertFiring& c) {
    state_.alerts[c.fingerprint] = c.alert;
    return "alert noted";
  }

  Result<std::string> operator()(const AlertResolved& c) {
    state_.alerts.erase(c.fingerprint);
    return "alert resolved";
  }

 private:
  Result<std::string> down(const NodeName& name, NodeState to, const char* kind,
                           const std::string& text) {
    const auto found = state_.nodes.find(name);
    if (found == state_.nodes.end()) {
      return fail(Code::NotFound, "no node is named \"" + name + "\"");
    }
    NodeRecord& record = found->second;
    if (record.state == to) return name + " was " + std::string(to_text(to)) + " already";
    record.state = to;
    record.since = at_;
    // Its copies may still run there: they stay on record as lost until the node says otherwise.
    for (auto& [id, placement] : state_.placements) {
      if (placement.node == name) placement.lost = true;
    }
    event(kind, "node/" + name, text);
    return text;
  }

  static std::string about(const Placement& placement) {
    return "instance " + std::to_string(placement.instance) + " of " + placement.workload + " on " +
           placement.node;
  }
  static std::string subject(const Placement& placement) {
    return "instance/" + std::to_string(placement.instance);
  }
  static tl::unexpected<Error> gone(InstanceId instance) {
    return fail(Code::NotFound, "instance " + std::to_string(instance) + " is not on record");
  }
  void event(const char* kind, std::string about_what, std::string text) {
    state_.events.push_back(
        {state_.next_event++, at_, kind, std::move(about_what), std::move(text)});
    bound_events();
  }
  void bound_events() {
    while (state_.events.size() > kEventsMax) state_.events.pop_front();
  }

  ClusterState& state_;
  WallTime at_;
};

}  // namespace

Result<std::string> apply(ClusterState& state, std::uint64_t index, const Command& command) {
  state.index = std::max(state.index, index);
  auto& requests = state.requests;
  if (!command.request.empty() &&
      std::find(requests.begin(), requests.end(), command.request) != requests.end()) {
    return "done before";
  }
  auto result = std::visit(Applying(state, command.at), command.body);
  if (result && !command.request.empty()) {
    requests.push_back(command.request);
    while (requests.size() > kRequestsMax) requests.pop_front();
  }
  return result;
}

std::uint32_t live_copies(const ClusterState& state, const std::string& workload) {
  return static_cast<std::uint32_t>(
      std::count_if(state.placements.begin(), state.placements.end(), [&](const auto& entry) {
        return entry.second.workload == workload && !entry.second.lost &&
               entry.second.wanted == Wanted::Run;
      }));
}

}  // namespace muster::failover
