#include "failover/placement.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "failover/commands.h"

namespace muster::failover {
namespace {

std::string label_of(const NodeInfo& node, const std::string& label) {
  if (label == "node") return node.name;
  if (label == "zone") return node.zone;
  const auto found = node.labels.find(label);
  return found == node.labels.end() ? std::string() : found->second;
}

struct Load {  // 64 bits for both: a sum of what outsiders wrote must not wrap
  std::uint64_t cpu_millis = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t copies = 0;
};

bool done(const Placement& placement) { return placement.status.phase == Phase::Done; }

// A copy that has done its work holds neither its port nor its resources any more.
bool holds(const Placement& placement, const NodeName& node) {
  return placement.node == node && !placement.lost && !done(placement);
}

Load load_of(const ClusterState& state, const NodeName& node) {
  Load load;
  for (const auto& [id, placement] : state.placements) {
    if (!holds(placement, node)) continue;
    load.cpu_millis += placement.resources.cpu_millis;
    load.memory_bytes += placement.resources.memory_bytes;
    ++load.copies;
  }
  return load;
}

std::uint64_t per_mille(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : part * 1000 / whole;
}

// Copies of one workload, sorted by what may happen to them. Pointers into the state.
struct Copies {
  std::vector<const Placement*> current;   // of the wanted revision
  std::vector<const Placement*> old;       // of an earlier one
  std::vector<const Placement*> stopping;  // still on their way out
  [[nodiscard]] static std::uint32_t ready(const std::vector<const Placement*>& copies) {
    return static_cast<std::uint32_t>(
        std::count_if(copies.begin(), copies.end(),
                      [](const Placement* p) { return p->status.phase == Phase::Ready; }));
  }
  // Copies of the wanted revision that have shown that it works.
  [[nodiscard]] std::uint32_t proven() const {
    return ready(current) +
           static_cast<std::uint32_t>(std::count_if(current.begin(), current.end(),
                                                    [](const Placement* p) { return done(*p); }));
  }
};

Copies copies_of(const ClusterState& state, const std::string& name, std::uint64_t revision) {
  Copies copies;
  for (const auto& [id, placement] : state.placements) {
    if (placement.workload != name) continue;
    // A copy that has done its work stays done wherever its node went.
    if (placement.lost && !done(placement)) continue;
    if (placement.wanted == Wanted::Stop) {
      copies.stopping.push_back(&placement);
    } else if (placement.revision == revision) {
      copies.current.push_back(&placement);
    } else {
      copies.old.push_back(&placement);
    }
  }
  return copies;
}

bool going_nowhere(const Placement& placement) {
  return placement.status.phase == Phase::Backoff || placement.status.phase == Phase::Refused;
}

// Which of several copies is given up first: one that cannot run, then one that is not ready, then
// the youngest.
bool given_up_first(const Placement* a, const Placement* b) {
  const auto rank = [](const Placement* p) {
    return std::tuple(!going_nowhere(*p), p->status.phase == Phase::Ready, ~p->instance);
  };
  return rank(a) < rank(b);
}

class Planning {
 public:
  Planning(ClusterState state, WallTime at) : state_(std::move(state)), at_(at) {}

  std::vector<CommandBody> run() {
    forget_ended();
    std::vector<std::string> names;
    for (const auto& [name, record] : state_.workloads) names.push_back(name);
    for (const std::string& name : names) {
      const WorkloadRecord record = state_.workloads.at(name);
      if (record.spec.on_every_node) {
        cover_nodes(record);
      } else {
        fill(record);
        roll(record);
        trim(record);
      }
    }
    return std::move(out_);
  }

 private:
  void decide(CommandBody body) {
    const Command command{std::move(body), at_, {}};
    if (apply(state_, state_.index, command)) out_.push_back(command.body);
  }

  void forget_ended() {
    std::vector<std::pair<InstanceId, std::string>> ended;
    for (const auto& [id, placement] : state_.placements) {
      const auto node = state_.nodes.find(placement.node);
      const bool left = node == state_.nodes.end() || node->second.state == NodeState::Left;
      const bool over = placement.status.phase == Phase::Stopped || done(placement);
      if (left && !(done(placement) && placement.wanted == Wanted::Run)) {
        ended.emplace_back(id, "its node left");
      } else if (placement.wanted == Wanted::Stop && over) {
        ended.emplace_back(id, "stopped");
      }
    }
    for (auto& [id, why] : ended) decide(ForgetInstance{id, std::move(why)});
  }

  // The lost copy that the next placement stands in for: the oldest not yet replaced.
  [[nodiscard]] InstanceId unreplaced(const std::string& workload) const {
    for (const auto& candidate : state_.placements) {
      const Placement& lost = candidate.second;
      if (lost.workload != workload || !lost.lost || lost.wanted == Wanted::Stop) continue;
      if (done(lost)) continue;
      const bool taken =
          std::any_of(state_.placements.begin(), state_.placements.end(),
                      [&](const auto& entry) { return entry.second.replaces == lost.instance; });
      if (!taken) return lost.instance;
    }
    return 0;
  }

  void place(const WorkloadRecord& record, const Choice& choice) {
    const std::string& name = record.spec.name;
    const InstanceId replaces = unreplaced(name);
    std::string reason = choice.reason;
    if (replaces != 0) reason += "; replaces instance " + std::to_string(replaces);
    decide(PlaceInstance{name, record.revision, choice.node, replaces, std::move(reason)});
  }

  void unplaceable(const std::string& name, std::vector<std::string> reasons) {
    if (reasons.empty()) reasons.emplace_back("no node is registered");
    const auto known = state_.unplaceable.find(name);
    if (known != state_.unplaceable.end() && known->second == reasons) return;
    decide(MarkUnplaceable{name, std::move(reasons)});
  }

  void placeable(const std::string& name) {
    if (state_.unplaceable.contains(name)) decide(MarkUnplaceable{name, {}});
  }

  // Places what is missing; during a roll-out at most one new copy at a time is not ready.
  void fill(const WorkloadRecord& record) {
    const std::string& name = record.spec.name;
    for (;;) {
      const Copies copies = copies_of(state_, name, record.revision);
      if (copies.current.size() >= record.spec.replicas) return placeable(name);
      const bool rolling = !copies.old.empty();
      if (rolling && copies.proven() < copies.current.size()) return;
      const Choice choice = choose_node(state_, record.spec);
      if (!choice.node.empty()) {
        place(record, choice);
        continue;
      }
      // What is on its way out may leave the room that is wanted: nobody need be told.
      if (!copies.stopping.empty() && fits_without(record, copies.stopping)) return;
      if (rolling && make_room(record, copies.old)) return placeable(name);
      std::vector<std::string> reasons;
      for (const Rejection& r : choice.rejected) reasons.push_back(r.node + ": " + r.reason);
      return unplaceable(name, std::move(reasons));
    }
  }

  [[nodiscard]] bool fits_without(const WorkloadRecord& record,
                                  const std::vector<const Placement*>& copies) const {
    ClusterState without = state_;
    for (const Placement* copy : copies) without.placements.erase(copy->instance);
    return !choose_node(without, record.spec).node.empty();
  }

  // Stops one old copy if its end lets a new one be placed: it holds the port or the memory.
  bool make_room(const WorkloadRecord& record, std::vector<const Placement*> old) {
    std::sort(old.begin(), old.end(), given_up_first);
    for (const Placement* victim : old) {
      if (!fits_without(record, {victim})) continue;
      decide(StopInstance{victim->instance,
                          "makes room for revision " + std::to_string(record.revision)});
      return true;
    }
    return false;
  }

  // Stops old copies that the wanted number can do without.
  void roll(const WorkloadRecord& record) {
    for (;;) {
      const Copies copies = copies_of(state_, record.spec.name, record.revision);
      if (copies.old.empty()) return;
      const auto* victim = *std::min_element(copies.old.begin(), copies.old.end(), given_up_first);
      const std::uint32_t ready = copies.proven() + Copies::ready(copies.old) -
                                  (victim->status.phase == Phase::Ready ? 1U : 0U);
      const bool enough = ready >= record.spec.replicas;
      const bool useless = (going_nowhere(*victim) || done(*victim)) && !copies.current.empty();
      if (!enough && !useless) return;
      decide(StopInstance{victim->instance,
                          "revision " + std::to_string(record.revision) + " has replaced it"});
    }
  }

  // Stops copies beyond the wanted number, never one that is needed to have that many ready.
  void trim(const WorkloadRecord& record) {
    for (;;) {
      const Copies copies = copies_of(state_, record.spec.name, record.revision);
      if (copies.current.size() <= record.spec.replicas) return;
      const auto* victim =
          *std::min_element(copies.current.begin(), copies.current.end(), given_up_first);
      const bool counts = victim->status.phase == Phase::Ready || done(*victim);
      const std::uint32_t ready = copies.proven() - (counts ? 1U : 0U);
      if (ready < record.spec.replicas && !going_nowhere(*victim)) return;
      decide(StopInstance{victim->instance,
                          "more copies than the wanted " + std::to_string(record.spec.replicas)});
    }
  }

  // One copy on every node that may have one. A changed spec goes from node to node: the next old
  // copy ends when every new one works. Old and new never run side by side on a node.
  void cover_nodes(const WorkloadRecord& record) {
    const std::string& name = record.spec.name;
    std::vector<std::string> reasons;
    std::vector<NodeName> alive;
    for (const auto& [node, entry] : state_.nodes) {
      if (entry.state == NodeState::Alive) alive.push_back(node);
    }
    for (const NodeName& node : alive) {
      const auto here = [&](const std::vector<const Placement*>& copies) {
        std::vector<InstanceId> ids;
        for (const Placement* p : copies) {
          if (p->node == node) ids.push_back(p->instance);
        }
        return ids;
      };
      const Copies copies = copies_of(state_, name, record.revision);
      std::vector<InstanceId> current = here(copies.current);
      const bool calm = copies.stopping.empty() && copies.proven() == copies.current.size();
      for (const Placement* old : copies.old) {
        const bool useless = going_nowhere(*old) || done(*old);
        if (old->node != node || !(calm || useless)) continue;
        decide(StopInstance{old->instance, "spec changed"});
      }
      for (; current.size() > 1; current.pop_back()) {
        decide(StopInstance{current.back(), "one copy a node"});
      }
      if (!current.empty() || !here(copies.stopping).empty()) continue;
      if (!here(copies.old).empty()) continue;  // its end frees the place
      if (const auto no = reject(state_, state_.nodes.at(node), record.spec)) {
        reasons.push_back(node + ": " + no->reason);
        continue;
      }
      decide(PlaceInstance{name, record.revision, node, 0, "one copy on every node"});
    }
    const bool nowhere = !reasons.empty() && live_copies(state_, name) == 0;
    if (nowhere) return unplaceable(name, std::move(reasons));
    placeable(name);
  }

  ClusterState state_;
  WallTime at_;
  std::vector<CommandBody> out_;
};

}  // namespace

std::optional<Rejection> reject(const ClusterState& state, const NodeRecord& node,
                                const WorkloadSpec& spec) {
  const auto no = [&](std::string reason) { return Rejection{node.info.name, std::move(reason)}; };
  if (node.state != NodeState::Alive) return no("it is " + std::string(to_text(node.state)));
  if (!node.info.takes_workloads) return no("it takes no workloads");
  for (const Constraint& constraint : spec.constraints) {
    const std::string value = label_of(node.info, constraint.label);
    if ((value == constraint.value) == constraint.equal) continue;
    return no("constraint " + to_text(constraint) + " is not met: it is \"" + value + "\"");
  }
  if (spec.port != 0) {
    for (const auto& [id, placement] : state.placements) {
      if (!holds(placement, node.info.name) || placement.port != spec.port) continue;
      return no("port " + std::to_string(spec.port) + " is taken by instance " +
                std::to_string(id) + " of " + placement.workload);
    }
  }
  const Resources& capacity = node.info.capacity;
  const Load used = load_of(state, node.info.name);
  if (used.cpu_millis + spec.resources.cpu_millis > capacity.cpu_millis) {
    return no("cpu: " + std::to_string(spec.resources.cpu_millis) + "m wanted, " +
              std::to_string(used.cpu_millis) + "m of " + std::to_string(capacity.cpu_millis) +
              "m are reserved");
  }
  if (spec.resources.memory_bytes > capacity.memory_bytes ||
      used.memory_bytes > capacity.memory_bytes - spec.resources.memory_bytes) {
    return no("memory: " + std::to_string(spec.resources.memory_bytes >> 20) + " MiB wanted, " +
              std::to_string(used.memory_bytes >> 20) + " of " +
              std::to_string(capacity.memory_bytes >> 20) + " MiB are reserved");
  }
  return std::nullopt;
}

Choice choose_node(const ClusterState& state, const WorkloadSpec& spec) {
  Choice choice;
  using Score = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::uint32_t, NodeName>;
  std::optional<Score> best;
  std::map<std::string, std::uint32_t> in_zone;
  std::map<NodeName, std::uint32_t> on_node;
  for (const auto& [id, placement] : state.placements) {
    if (placement.workload != spec.name || placement.lost) continue;
    ++on_node[placement.node];
    const auto node = state.nodes.find(placement.node);
    if (node != state.nodes.end()) ++in_zone[node->second.info.zone];
  }
  for (const auto& [name, node] : state.nodes) {
    if (auto no = reject(state, node, spec)) {
      choice.rejected.push_back(std::move(*no));
      continue;
    }
    const Load load = load_of(state, name);
    const std::uint64_t reserved =
        std::max(per_mille(load.cpu_millis, node.info.capacity.cpu_millis),
                 per_mille(load.memory_bytes, node.info.capacity.memory_bytes));
    const Score score{in_zone[node.info.zone], on_node[name], reserved, load.copies, name};
    if (best && *best < score) continue;
    best = score;
    choice.node = name;
    choice.reason = std::to_string(std::get<0>(score)) + " copies in zone \"" + node.info.zone +
                    "\", " + std::to_string(std::get<1>(score)) + " on " + name + ", " +
                    std::to_string(reserved / 10) + " % reserved";
  }
  return choice;
}

std::uint32_t wanted_copies(const ClusterState& state, const WorkloadSpec& spec) {
  if (!spec.on_every_node) return spec.replicas;
  WorkloadSpec anywhere;
  anywhere.constraints = spec.constraints;
  return static_cast<std::uint32_t>(std::count_if(
      state.nodes.begin(), state.nodes.end(),
      [&](const auto& node) { return !reject(ClusterState{}, node.second, anywhere); }));
}

std::vector<CommandBody> plan(ClusterState state, WallTime at) {
  return Planning(std::move(state), at).run();
}

}  // namespace muster::failover
