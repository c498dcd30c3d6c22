#include <utility>

#include "failover/applying.h"

namespace muster::failover {
namespace {

tl::unexpected<Error> gone(InstanceId instance) {
  return fail(Code::NotFound, "instance " + std::to_string(instance) + " is not on record");
}

}  // namespace

std::string about(const Placement& placement) {
  return "instance " + std::to_string(placement.instance) + " of " + placement.workload + " on " +
         placement.node;
}
std::string subject(const Placement& placement) {
  return "instance/" + std::to_string(placement.instance);
}

Applying::Said Applying::operator()(const PutWorkload& c) {
  WorkloadRecord& record = state_.workloads[c.spec.name];
  const bool fresh = record.spec.name.empty();
  if (!fresh && record.spec == c.spec) return "workload " + c.spec.name + " is unchanged";
  // Another number of copies makes those that there are no worse: they are of the new revision.
  WorkloadSpec counted = record.spec;
  counted.replicas = c.spec.replicas;
  const std::uint64_t before = record.revision;
  record.revision = fresh ? 1 : record.revision + 1;
  for (auto& [id, placement] : state_.placements.edit()) {
    const bool same = !fresh && placement.workload == c.spec.name && placement.revision == before;
    if (same && counted == c.spec) placement.revision = record.revision;
  }
  record.spec = c.spec;
  record.applied_at = at_;
  std::string text = "workload " + c.spec.name + (fresh ? " created" : " changed") + ", revision " +
                     std::to_string(record.revision);
  event("workload-applied", "workload/" + c.spec.name, text + on_behalf());
  return text;
}

Applying::Said Applying::operator()(const StopWorkload& c) {
  if (state_.workloads.erase(c.name) == 0) {
    return fail(Code::NotFound, "no workload is named \"" + c.name +
                                    "\": `muster workloads` lists those there are");
  }
  state_.unplaceable.erase(c.name);
  for (auto& [id, placement] : state_.placements.edit()) {
    if (placement.workload == c.name) placement.wanted = Wanted::Stop;
  }
  event("workload-stopped", "workload/" + c.name,
        "workload " + c.name + " stopped by request" + on_behalf());
  return "workload " + c.name + " is being stopped";
}

Applying::Said Applying::operator()(const PlaceInstance& c) {
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

Applying::Said Applying::operator()(const StopInstance& c) {
  const auto found = state_.placements.find(c.instance);
  if (found == state_.placements.end()) return gone(c.instance);
  if (found->second.wanted == Wanted::Stop) return "instance is being stopped already";
  Placement& placement = state_.placements[c.instance];
  placement.wanted = Wanted::Stop;
  const std::string text = about(placement) + " is being stopped: " + c.reason;
  event("instance-stopping", subject(placement), text);
  return text;
}

Applying::Said Applying::operator()(const ForgetInstance& c) {
  const auto found = state_.placements.find(c.instance);
  if (found == state_.placements.end()) return gone(c.instance);
  const std::string text = about(found->second) + " ended: " + c.reason;
  event("instance-stopped", subject(found->second), text);
  state_.placements.erase(c.instance);
  return text;
}

Applying::Said Applying::operator()(const KeepInstance& c) {
  Placement* placement = state_.placements.edit(c.instance);
  if (placement == nullptr) return gone(c.instance);
  placement->lost = false;
  const bool done = placement->status.phase == Phase::Done;
  const std::string text = about(*placement) + (done ? " had done its work before its node was away"
                                                     : " lived on while its node was away");
  event("instance-kept", subject(*placement), text);
  return text;
}

Applying::Said Applying::operator()(const ReportInstances& c) {
  for (const InstanceStatus& status : c.statuses) {
    Placement* known = state_.placements.edit(status.instance);
    if (known == nullptr) continue;  // forgotten meanwhile
    Placement& placement = *known;
    const bool moved = placement.status.phase != status.phase;
    placement.status = status;
    if (!moved) continue;
    std::string text = about(placement) + " is " + std::string(to_text(status.phase));
    if (status.pid != 0) text += ", pid " + std::to_string(status.pid);
    if (!status.why.empty()) text += ": " + status.why;
    event_at(status.at, "instance-" + std::string(to_text(status.phase)), subject(placement),
             std::move(text));
  }
  return "reported";
}

Applying::Said Applying::operator()(const MarkUnplaceable& c) {
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

}  // namespace muster::failover
