#include "seed_run.h"

#include <algorithm>
#include <utility>

namespace muster::sim {
namespace {

constexpr Duration kSlice = std::chrono::milliseconds(100);
// After the members the masters agree, and what died waits for its back-off before it runs again.
constexpr Duration kRestarts = std::chrono::seconds(27);
constexpr std::size_t kTail = 60;

// Somebody applies and stops workloads, through any agent that runs.
class Client {
 public:
  Client(World& world, std::uint64_t seed) : world_(world), rng_(seed) {}
  void begin() {
    on_ = true;
    next();
  }
  void end() { on_ = false; }

 private:
  void next() {
    world_.at(
        world_.now() + exponential(std::chrono::milliseconds(50), std::chrono::seconds(2), rng_),
        [this] {
          if (!on_) return;
          ask();
          next();
        });
  }
  void ask() {
    const auto& names = world_.names();
    const NodeName& node = names[static_cast<std::size_t>(rng_.below(names.size()))];
    if (!world_.alive(node)) return;
    WorkloadSpec spec;
    spec.name = "w" + std::to_string(rng_.below(std::uint64_t{3}));
    if (rng_.chance(15)) {
      world_.write(node, StopWorkload{spec.name});
      return;
    }
    spec.replicas = 1 + static_cast<std::uint32_t>(rng_.below(4));
    spec.command = {"service"};
    spec.resources = {100, std::uint64_t{64} << 20};
    world_.write(node, PutWorkload{spec});
  }

  World& world_;
  Rng rng_;
  bool on_ = false;
};

class SeedRun {
 public:
  SeedRun(const SeedOptions& options, bool traced)
      : options_(options), rng_(options.seed), kinds_(draw()) {
    WorldOptions world;
    world.nodes = options_.nodes != 0 ? options_.nodes : 5 + rng_.below(3);
    world.masters = options_.masters != 0 ? options_.masters : (rng_.chance(75) ? 3 : 5);
    world.skewed_clocks = kinds_.contains(Fault::ClockSkew);
    world.small_snapshots = kinds_.contains(Fault::SmallSnapshots);
    world_.emplace(world, rng_.next());
    if (traced) world_->trace().keep();
    report_.seed = options_.seed;
    report_.nodes = world.nodes;
    report_.masters = world.masters;
    for (const Fault kind : kinds_) report_.faults.emplace_back(to_text(kind));
  }

  SeedReport run() {
    Faults faults(*world_, kinds_, rng_.next());
    Client client(*world_, rng_.next());
    const Instant begun = world_->now();
    const Instant calm = begun + options_.time * 2 / 3;
    start_agents();
    client.begin();
    if (go_on(begun + rng_.below(std::chrono::seconds(10)))) {
      faults.begin();
      if (go_on(calm)) {
        client.end();
        faults.end();
        converge(calm, begun + options_.time);
      }
    }
    client.end();
    finish(begun);
    return std::move(report_);
  }

 private:
  std::set<Fault> draw() {
    const std::set<Fault> drawn = draw_faults(all_faults(), rng_);
    return options_.faults ? *options_.faults : drawn;
  }

  // Machines are not switched on in the same moment.
  void start_agents() {
    for (const NodeName& name : world_->names()) {
      world_->at(world_->now() + rng_.below(std::chrono::seconds(2)), [this, name] {
        if (!world_->alive(name)) world_->start(name);
      });
    }
  }

  // False once something was found: what comes later says nothing.
  bool go_on(Instant until) {
    while (world_->now() < until) {
      world_->run_for(std::min(kSlice, until - world_->now()));
      if (!world_->violations().empty() || !world_->halts().empty()) return false;
    }
    return true;
  }

  void converge(Instant calm, Instant end) {
    const Duration bound = membership_bounds({}, report_.nodes).down;
    const Duration rest = bound + kRestarts;
    std::string apart = world_->membership_disagreement();
    std::string differ = world_->disagreement();
    while (!differ.empty() && world_->now() - calm < (apart.empty() ? rest : bound)) {
      // To compare every table with every other costs the square of their number.
      const auto slices = static_cast<Duration::rep>(1 + report_.nodes / 16);
      if (!go_on(world_->now() + kSlice * slices)) return;
      if (!apart.empty()) {
        apart = world_->membership_disagreement();
        report_.members_after = seconds(world_->now() - calm);
      }
      differ = world_->disagreement();
    }
    report_.converged_after = seconds(world_->now() - calm);
    if (!differ.empty()) return missed("after healing all agree within a bound", differ);
    if (!go_on(std::max(end, world_->now() + std::chrono::seconds(5)))) return;
    // What was just decided reaches the other masters with the next heartbeat.
    const Instant last = world_->now() + std::chrono::seconds(1);
    while (!(differ = world_->disagreement()).empty() && world_->now() < last) {
      if (!go_on(world_->now() + kSlice)) return;
    }
    if (!differ.empty()) return missed("who agrees stays so while nothing happens", differ);
    world_->check_acknowledged();
  }

  void missed(const std::string& rule, const std::string& what) {
    Violation violation{world_->now(), rule, what, {}};
    for (const NodeName& name : world_->names()) {
      if (what.find(name) != std::string::npos) violation.about.push_back(name);
    }
    report_.violations.push_back(std::move(violation));
  }

  void finish(Instant begun) {
    for (const Violation& one : world_->violations().all()) report_.violations.push_back(one);
    for (const std::string& halt : world_->halts()) {
      report_.violations.push_back(
          {world_->now(), "nothing halts unexpectedly", halt, {halt.substr(0, halt.find(':'))}});
    }
    report_.virtual_seconds = seconds(world_->now() - begun);
    report_.node_seconds = world_->node_seconds();
    report_.events = world_->events();
    report_.trace_hash = world_->trace_hash();
    report_.reigns = world_->consensus().reigns();
    report_.acknowledged = world_->consensus().acknowledged();
    if (!report_.violations.empty()) {
      report_.tail = world_->trace().tail(report_.violations.front().about, kTail);
    }
  }

  SeedOptions options_;
  Rng rng_;
  std::set<Fault> kinds_;
  std::optional<World> world_;
  SeedReport report_;
};

}  // namespace

SeedReport run_seed(const SeedOptions& options, bool traced) {
  return SeedRun(options, traced).run();
}

}  // namespace muster::sim
