// What the checkers of the world are told, and when is everybody of one mind?
#include <algorithm>
#include <utility>

#include "views.h"
#include "world.h"

namespace muster::sim {
namespace {

// Tables are compared at every event up to sixteen members, then less often: a comparison costs as
// much as there are members, so an event costs the less the larger the cluster is.
constexpr std::size_t kSquareAnEvent = 256;

}  // namespace

void World::observe(HostId id) {
  Host& host = hosts_[id];
  if (const agent::Master* master = host.node->master()) consensus_.happened(id, *master, now());
  if (++host.unobserved * kSquareAnEvent < hosts_.size() * hosts_.size()) return;
  host.unobserved = 0;
  compare_views(id);
}

// Both lists are in the order of names.
void World::compare_views(HostId id) {
  Host& host = hosts_[id];
  auto known = by_name_.begin();
  each_member(host.node->swim(), [&](const NodeName& name, const health::Member& member) {
    while (known != by_name_.end() && known->first < name) ++known;
    if (known == by_name_.end()) return false;
    if (known->first != name) return true;
    std::optional<Belief>& before = host.beliefs[known->second];
    const Belief now_believed = belief_of(member);
    if (before == now_believed) return true;
    membership_.changed(id, known->second, before, now_believed, now());
    before = now_believed;
    return true;
  });
}

std::optional<Belief> World::belief(const NodeName& observer, const NodeName& member) const {
  const Host& one = host(observer);
  if (!one.node) return std::nullopt;
  return belief_in(one.node->swim(), member);
}

MembershipChecker::Truth World::truth() const {
  MembershipChecker::Truth truth;
  truth.belief = [this](HostId observer, HostId member) {
    return belief(names_[observer], names_[member]);
  };
  truth.fit_since = [this](HostId observer, HostId member) {
    const Instant link = network_.mutual_since(observer, member);
    return std::max({hosts_[observer].well_since, hosts_[member].well_since, link});
  };
  truth.dead_since = [this](HostId member) { return hosts_[member].dead_since; };
  truth.well_since = [this](HostId observer) { return hosts_[observer].well_since; };
  truth.name = [this](HostId host) { return names_[host]; };
  return truth;
}

// --- at the end ---

std::string World::membership_disagreement() const {
  for (const NodeName& observer : names_) {
    if (!alive(observer)) continue;
    for (const NodeName& member : names_) {
      const std::optional<Belief> known = belief(observer, member);
      const std::optional<Belief> own = belief(member, member);
      if (!own) {
        if (!known || holds_down(*known)) continue;
        return observer + " holds " + member + " alive, which is dead";
      }
      if (known == own) continue;
      std::string text = observer + " holds " + member + " ";
      if (!known) return text + "for unknown";
      text += std::string(gossip::to_text(known->state)) + " at incarnation ";
      text += std::to_string(known->incarnation) + ", it is alive at incarnation " +
              std::to_string(own->incarnation);
      return text;
    }
  }
  return {};
}

std::string World::masters_disagreement() const {
  const NodeName leader = coordinator();
  if (leader.empty()) return "there is no coordinator";
  const ClusterState& state = node(leader).master()->state();
  for (HostId id = 0; id < hosts_.size(); ++id) {
    if (!hosts_[id].node) continue;
    const agent::Master* master = hosts_[id].node->master();
    if (master != nullptr && !(master->state() == state)) {
      return names_[id] + " has applied another state than coordinator " + leader;
    }
    const auto record = state.nodes.find(names_[id]);
    if (record == state.nodes.end() || record->second.state != NodeState::Alive) {
      return names_[id] + " is not alive to coordinator " + leader;
    }
  }
  for (const auto& [name, workload] : state.workloads) {
    if (state.unplaceable.contains(name)) continue;
    const auto ready = static_cast<std::size_t>(
        std::count_if(state.placements.begin(), state.placements.end(), [&](const auto& entry) {
          const Placement& copy = entry.second;
          return copy.workload == name && copy.wanted == Wanted::Run && !copy.lost &&
                 copy.revision == workload.revision && copy.status.phase == Phase::Ready;
        }));
    if (ready == workload.spec.replicas) continue;
    return std::to_string(ready) + " of " + std::to_string(workload.spec.replicas) + " copies of " +
           name + " are ready";
  }
  return {};
}

std::string World::disagreement() const {
  std::string text = membership_disagreement();
  return text.empty() ? masters_disagreement() : text;
}

void World::check_acknowledged() {
  const NodeName leader = coordinator();
  if (leader.empty()) return;
  const agent::Master& master = *node(leader).master();
  consensus_.check_acknowledged(master.state(), id_of(leader), master.term(), now());
}

}  // namespace muster::sim
