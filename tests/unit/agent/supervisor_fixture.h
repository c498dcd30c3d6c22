// What do the tests of Supervisor and Instance play? The disk, the kernel and the coordinator.
#pragma once

#include <gtest/gtest.h>

#include "agent/supervisor.h"

namespace muster::agent {

using namespace std::chrono_literals;
using health::ProbeRole;

// The test is the disk, the kernel and the coordinator.
struct SupervisorTest : testing::Test {
  static rpc::Assignment run(InstanceId id, Wanted wanted = Wanted::Run) {
    rpc::Assignment made;
    made.instance = id;
    made.token = 70 + id;
    made.wanted = wanted;
    made.spec.name = "web";
    made.spec.command = {"/bin/web"};
    made.spec.port = 8080;
    made.spec.restart = {RestartWhen::Always, 10s, 300s};
    made.spec.stop_grace = 5s;
    return made;
  }
  static ProbeSpec probe(int failures) {
    ProbeSpec made;
    made.period = 1s;
    made.timeout = 500ms;
    made.failure_threshold = failures;
    return made;
  }
  void begin(const std::vector<RecoveredInstance>& recovered = {}) {
    supervisor.emplace("lab", "n1", "10.0.0.1", wall, rng, recovered, now);
    take();
  }
  void assign(std::vector<rpc::Assignment> items, std::uint64_t epoch = 1) {
    supervisor->on_assignments({epoch, std::move(items)}, now);
    take();
  }
  void take() { effects = supervisor->take_effects(); }
  template <class T>
  std::vector<T> only() {
    std::vector<T> found;
    for (const InstanceEffect& effect : effects) {
      if (const auto* one = std::get_if<T>(&effect)) found.push_back(*one);
    }
    return found;
  }
  void saved(InstanceId id, Status how = {}) {
    supervisor->on_saved(id, how, now);
    take();
  }
  void started(InstanceId id, std::uint64_t attempt, std::int64_t pid) {
    supervisor->on_started(id, attempt, pid, 5, now);
    take();
  }
  void exited(std::int64_t pid, bool failed = true, const std::string& how = "exit 1") {
    supervisor->on_exited(1, pid, failed, how, now);
    take();
  }
  void tick_at(Instant when) {
    now = when;
    supervisor->tick(now);
    take();
  }
  void next() { tick_at(supervisor->deadline()); }
  void check(const RunCheck& asked, bool passed) {
    supervisor->on_check(asked.instance, asked.role, asked.id, passed, "HTTP 500", now);
    take();
  }
  // Instance 1 runs with pid 100.
  void running(rpc::Assignment item) {
    begin();
    assign({std::move(item)});
    saved(1);
    started(1, 1, 100);
  }
  Phase phase() { return supervisor->instances().at(1).status().phase; }
  const InstanceStatus& status() { return supervisor->instances().at(1).status(); }

  Instant now{1000s};
  WallAnchor wall{now, WallTime{}};
  Rng rng{1};
  std::optional<Supervisor> supervisor;
  std::vector<InstanceEffect> effects;
};

}  // namespace muster::agent
