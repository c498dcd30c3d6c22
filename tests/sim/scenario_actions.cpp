// The lines of a scenario that do something.
#include <set>

#include "scenario_words.h"
#include "script_words.h"

namespace muster::sim {
namespace {

using Do = std::function<void(Stage&, const Values&)>;

struct Pattern {
  const char* words;
  Do act;
};

void flap(World& world, const Values& values, Instant until, bool cut) {
  const NodeName a = values.nodes[0];
  const NodeName b = values.nodes[1];
  if (cut) {
    world.cut(a, b);
    world.cut(b, a);
  } else {
    world.mend(a, b);
    world.mend(b, a);
  }
  if (!cut && world.now() >= until) return;
  world.at(world.now() + values.durations[0],
           [&world, values, until, cut] { flap(world, values, until, !cut); });
}

void set_quality(World& world, const std::function<void(LinkQuality&)>& change) {
  LinkQuality quality = world.network().quality();
  change(quality);
  world.network().set_quality(quality);
}

std::vector<Pattern> patterns_of_agents() {
  return {
      {"start all", [](Stage& stage, const Values&) { stage.world.start_all(); }},
      {"start NODE", [](Stage& stage, const Values& v) { stage.world.start(v.nodes[0]); }},
      {"kill NODE", [](Stage& stage, const Values& v) { stage.world.kill_node(v.nodes[0]); }},
      {"kill agent NODE",
       [](Stage& stage, const Values& v) { stage.world.kill_agent(v.nodes[0]); }},
      {"power off NODE", [](Stage& stage, const Values& v) { stage.world.power_off(v.nodes[0]); }},
      {"leave NODE", [](Stage& stage, const Values& v) { stage.world.leave(v.nodes[0]); }},
      {"freeze NODE", [](Stage& stage, const Values& v) { stage.world.freeze(v.nodes[0]); }},
      {"freeze NODE for DURATION",
       [](Stage& stage, const Values& v) {
         World& world = stage.world;
         world.freeze(v.nodes[0]);
         world.at(world.now() + v.durations[0], [&world, node = v.nodes[0]] { world.thaw(node); });
       }},
      {"thaw NODE", [](Stage& stage, const Values& v) { stage.world.thaw(v.nodes[0]); }},
      {"slow NODE by DURATION",
       [](Stage& stage, const Values& v) { stage.world.slow(v.nodes[0], v.durations[0]); }},
      {"move NODE to WORD",
       [](Stage& stage, const Values& v) {
         agent::NodeOptions& options = stage.world.configure(v.nodes[0]);
         options.info.gossip.host = v.word;
         options.info.rpc.host = v.word;
         options.info.http.host = v.word;
       }},
      {"clock NODE NUMBER ppm",
       [](Stage& stage, const Values& v) {
         stage.world.set_clock_rate(v.nodes[0], static_cast<int>(v.number));
       }},
      {"wall clock NODE NUMBER s",
       [](Stage& stage, const Values& v) {
         stage.world.jump_wall_clock(v.nodes[0], std::chrono::seconds(v.number));
       }},
      {"apply WORD replicas NUMBER at NODE",
       [](Stage& stage, const Values& v) {
         WorkloadSpec spec;
         spec.name = v.word;
         spec.replicas = static_cast<std::uint32_t>(v.number);
         spec.command = {v.word};
         spec.resources = {100, std::uint64_t{64} << 20};
         stage.world.write(v.nodes[0], PutWorkload{spec});
       }},
      {"wait DURATION", [](Stage& stage, const Values& v) { stage.world.run_for(v.durations[0]); }},
  };
}

std::vector<Pattern> patterns_of_surroundings() {
  return {
      {"cut NODE -> NODE",
       [](Stage& stage, const Values& v) { stage.world.cut(v.nodes[0], v.nodes[1]); }},
      {"cut NODE <-> NODE",
       [](Stage& stage, const Values& v) {
         stage.world.cut(v.nodes[0], v.nodes[1]);
         stage.world.cut(v.nodes[1], v.nodes[0]);
       }},
      {"partition NODES",
       [](Stage& stage, const Values& v) {
         stage.world.partition(std::set<NodeName>(v.nodes.begin(), v.nodes.end()));
       }},
      {"flap NODE <-> NODE every DURATION for DURATION",
       [](Stage& stage, const Values& v) {
         flap(stage.world, v, stage.world.now() + v.durations[1], true);
       }},
      {"heal", [](Stage& stage, const Values&) { stage.world.heal(); }},
      {"loss PERCENT",
       [](Stage& stage, const Values& v) {
         set_quality(stage.world, [&](LinkQuality& q) { q.loss_percent = v.percent; });
       }},
      {"duplicate PERCENT",
       [](Stage& stage, const Values& v) {
         set_quality(stage.world, [&](LinkQuality& q) { q.duplicate_percent = v.percent; });
       }},
      {"late PERCENT by DURATION",
       [](Stage& stage, const Values& v) {
         set_quality(stage.world, [&](LinkQuality& q) {
           q.spike_percent = v.percent;
           q.spike = v.durations[0];
         });
       }},
      {"latency DURATION",
       [](Stage& stage, const Values& v) {
         set_quality(stage.world, [&](LinkQuality& q) { q.latency = v.durations[0]; });
       }},
      {"disk NODE full",
       [](Stage& stage, const Values& v) { stage.world.fill_disk(v.nodes[0], true); }},
      {"disk NODE free",
       [](Stage& stage, const Values& v) { stage.world.fill_disk(v.nodes[0], false); }},
      {"disk NODE stalls PERCENT by DURATION",
       [](Stage& stage, const Values& v) {
         DiskQuality disk;
         disk.stall_percent = v.percent;
         disk.stall = v.durations[0];
         stage.world.set_disk(v.nodes[0], disk);
       }},
  };
}

const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all = [] {
    std::vector<Pattern> list = patterns_of_agents();
    for (Pattern& one : patterns_of_surroundings()) list.push_back(std::move(one));
    return list;
  }();
  return all;
}

}  // namespace

Result<Action> parse_action(const std::vector<std::string>& words, std::size_t nodes) {
  for (const Pattern& pattern : patterns()) {
    const auto matched = match(pattern.words, words, nodes);
    if (!matched) continue;
    if (!*matched) return tl::unexpected(matched->error());
    return Action([act = pattern.act, values = **matched](Stage& stage) -> std::string {
      act(stage, values);
      return {};
    });
  }
  return fail(Code::InvalidArgument, "no such line; there are: " + known_actions());
}

std::string known_actions() {
  std::string text = "nodes NUMBER masters NUMBER; seed NUMBER; expect CONDITION";
  for (const Pattern& pattern : patterns()) text += std::string("; ") + pattern.words;
  return text;
}

}  // namespace muster::sim
