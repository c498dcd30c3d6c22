// The workloads of the world: processes that start, end and are looked at.
#include <algorithm>
#include <utility>

#include "world.h"

namespace muster::sim {
namespace {

constexpr Duration kCheck = std::chrono::microseconds(300);
constexpr Duration kLookAgain = std::chrono::milliseconds(50);

}  // namespace

void World::act(HostId id, Host& host, agent::StartProcess& effect) {
  spawn(id, host.life, std::move(effect));
}

// The process begins some time before its agent hears of it; an agent may die in between.
void World::spawn(HostId id, std::uint64_t life, agent::StartProcess order) {
  const Duration wait = options_.exec / 2;
  at(now() + wait, [this, id, life, order = std::move(order)]() mutable {
    Host& host = hosts_[id];
    if (host.life != life) return;
    if (host.frozen) {  // so is the thread that starts processes
      return at(now() + kLookAgain, [this, id, life, later = std::move(order)]() mutable {
        spawn(id, life, std::move(later));
      });
    }
    const std::int64_t pid = ++last_pid_;
    check_alone(id, order.instance, pid);
    const std::uint64_t token = std::stoull(order.env.at("MUSTER_TOKEN"));
    host.processes[pid] = {pid, order.instance, token, order.spec.name, now()};
    post(
        id, life, options_.exec - options_.exec / 2,
        agent::ProcessStarted{order.instance, order.attempt, pid, static_cast<std::uint64_t>(pid)});
  });
}

void World::check_alone(HostId id, InstanceId instance, std::int64_t pid) {
  for (const auto& [other, process] : hosts_[id].processes) {
    if (process.instance != instance) continue;
    std::string text = "instance " + std::to_string(instance) + " was started as process ";
    text += std::to_string(pid) + " while process " + std::to_string(other) +
            " of the same copy runs on " + names_[id];
    violations_.add({now(), "no copy runs twice", std::move(text), {names_[id]}});
  }
}

void World::kill_process(const NodeName& node, std::int64_t pid) {
  Host& one = host(node);
  const auto found = one.processes.find(pid);
  CHECK(found != one.processes.end());
  const InstanceId instance = found->second.instance;
  one.processes.erase(found);
  post(id_of(node), one.life, options_.exec, agent::ProcessExited{instance, pid, true, "signal 9"});
}

void World::act(HostId id, Host& host, agent::SignalProcess& effect) {
  const bool ran = host.processes.erase(effect.pid) > 0;
  post(id, host.life, options_.exec,
       agent::ProcessExited{effect.instance, effect.pid, !ran, ran ? "exit 0" : ""});
}

void World::act(HostId id, Host& host, agent::WatchProcess& effect) {
  if (host.processes.contains(effect.pid)) return;
  post(id, host.life, options_.exec, agent::ProcessExited{effect.instance, effect.pid, true, ""});
}

void World::act(HostId id, Host& host, agent::RunCheck& effect) {
  const bool runs =
      std::any_of(host.processes.begin(), host.processes.end(),
                  [&](const auto& entry) { return entry.second.instance == effect.instance; });
  post(id, host.life, kCheck, agent::CheckEnded{effect.instance, effect.role, effect.id, runs, ""});
}

}  // namespace muster::sim
