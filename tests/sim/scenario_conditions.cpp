// The conditions that a scenario may expect.
#include <algorithm>

#include "scenario_words.h"
#include "script_words.h"
#include "views.h"

namespace muster::sim {
namespace {

using gossip::MemberState;

using Check = std::function<std::string(const World&, const Values&)>;

struct Pattern {
  const char* words;
  Check check;
};

// Whose opinion counts: all that run and do not stand still, or the one that is named.
std::vector<NodeName> observers(const World& world, const Values& values) {
  if (values.who) return {*values.who};
  std::vector<NodeName> all;
  for (const NodeName& name : world.names()) {
    const bool about = !values.nodes.empty() && name == values.nodes[0];
    if (world.alive(name) && !world.frozen(name) && !about) all.push_back(name);
  }
  return all;
}

std::string state_at(const World& world, const Values& values) {
  const NodeName& member = values.nodes[0];
  for (const NodeName& observer : observers(world, values)) {
    const std::optional<Belief> belief = world.belief(observer, member);
    if (belief && belief->state == values.state) continue;
    std::string text = observer;
    text += " holds " + member + " ";
    return text + (belief ? std::string(gossip::to_text(belief->state)) : "for unknown");
  }
  return {};
}

std::string address_at(const World& world, const Values& values) {
  for (const NodeName& observer : observers(world, values)) {
    if (!world.alive(observer)) return observer + " does not run";
    const auto view = world.view(observer);
    const auto member = view->members->find(values.nodes[0]);
    if (member == view->members->end()) return observer + " does not know it";
    if (member->second.gossip.host == values.word) continue;
    return observer + " knows it at " + member->second.gossip.host;
  }
  return {};
}

// No agent that runs holds another one that runs to be in one of these states.
std::string nobody(const World& world, const std::vector<MemberState>& states) {
  for (const NodeName& observer : observers(world, {})) {
    for (const NodeName& member : world.names()) {
      if (!world.alive(member)) continue;
      const std::optional<Belief> belief = world.belief(observer, member);
      if (!belief || std::find(states.begin(), states.end(), belief->state) == states.end()) {
        continue;
      }
      std::string text = observer;
      return text + " holds " + member + " " + std::string(gossip::to_text(belief->state));
    }
  }
  return {};
}

// No agent that runs holds anybody suspect or failed because this one said so.
std::string accused_by(const World& world, const Values& values) {
  for (const NodeName& observer : world.names()) {
    if (!world.alive(observer)) continue;
    std::string accused;
    const health::Swim& swim = world.node(observer).swim();
    each_member(swim, [&](const NodeName& name, const health::Member& member) {
      if (member.state == MemberState::Alive || swim.accuser_of(name) != values.nodes[0]) {
        return true;
      }
      accused = observer;
      accused += " holds " + name + " " + std::string(gossip::to_text(member.state));
      return false;
    });
    if (!accused.empty()) return accused;
  }
  return {};
}

std::string everybody_alive(const World& world) {
  for (const NodeName& observer : observers(world, {})) {
    for (const NodeName& member : world.names()) {
      if (!world.alive(member)) continue;
      const std::optional<Belief> belief = world.belief(observer, member);
      if (belief && belief->state == MemberState::Alive) continue;
      std::string text = observer;
      return text + " does not hold " + member + " alive";
    }
  }
  return {};
}

std::string ready(const World& world, const Values& values) {
  const auto state = world.state();
  if (!state) return "there is no coordinator";
  const auto count =
      std::count_if(state->placements.begin(), state->placements.end(), [&](const auto& entry) {
        return entry.second.workload == values.word && !entry.second.lost &&
               entry.second.status.phase == Phase::Ready;
      });
  return count == values.number ? "" : std::to_string(count) + " are";
}

std::string coordinator_is(const World& world) {
  const NodeName name = world.coordinator();
  return name.empty() ? "there is none" : name + " is";
}

std::string everybody_registered(const World& world) {
  const NodeName coordinator = world.coordinator();
  if (coordinator.empty()) return "there is no coordinator";
  for (const NodeName& name : world.names()) {
    if (!world.alive(name) || world.frozen(name)) continue;
    const auto view = world.view(name);
    if (view->registered && view->coordinator == coordinator) continue;
    return name + " is not registered with " + coordinator;
  }
  return {};
}

const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all = {
      {"NODE STATE at WHO", state_at},
      {"NODE address WORD at WHO", address_at},
      {"nobody failed",
       [](const World& world, const Values&) {
         return nobody(world, {MemberState::Failed, MemberState::Left});
       }},
      {"nobody suspect",
       [](const World& world, const Values&) {
         return nobody(world, {MemberState::Suspect, MemberState::Failed, MemberState::Left});
       }},
      {"nobody accused by NODE", accused_by},
      {"everybody alive", [](const World& world, const Values&) { return everybody_alive(world); }},
      {"everybody registered",
       [](const World& world, const Values&) { return everybody_registered(world); }},
      {"agreement", [](const World& world, const Values&) { return world.disagreement(); }},
      {"a coordinator",
       [](const World& world, const Values&) {
         return world.coordinator().empty() ? coordinator_is(world) : "";
       }},
      {"no coordinator",
       [](const World& world, const Values&) {
         return world.coordinator().empty() ? "" : coordinator_is(world);
       }},
      {"coordinator NODE",
       [](const World& world, const Values& v) {
         return world.coordinator() == v.nodes[0] ? "" : coordinator_is(world);
       }},
      {"coordinator not NODE",
       [](const World& world, const Values& v) {
         const NodeName name = world.coordinator();
         return name.empty() || name == v.nodes[0] ? coordinator_is(world) : "";
       }},
      {"NUMBER ready of WORD", ready},
      {"NODE runs",
       [](const World& world, const Values& v) {
         return world.alive(v.nodes[0]) ? "" : std::string("it has ended");
       }},
      {"NODE ended",
       [](const World& world, const Values& v) {
         return world.alive(v.nodes[0]) ? std::string("it runs") : "";
       }},
  };
  return all;
}

}  // namespace

Result<Condition> parse_condition(const std::vector<std::string>& words, std::size_t nodes) {
  for (const Pattern& pattern : patterns()) {
    const auto matched = match(pattern.words, words, nodes);
    if (!matched) continue;
    if (!*matched) return tl::unexpected(matched->error());
    return Condition([check = pattern.check, values = **matched](const World& world) {
      return check(world, values);
    });
  }
  return fail(Code::InvalidArgument, "no such condition; there are: " + known_conditions());
}

std::string known_conditions() {
  std::string text;
  for (const Pattern& pattern : patterns()) {
    text += (text.empty() ? "" : "; ") + std::string(pattern.words);
  }
  return text;
}

}  // namespace muster::sim
