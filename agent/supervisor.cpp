#include "agent/supervisor.h"

#include <algorithm>
#include <utility>

namespace muster::agent {
namespace {

// Later than this, what did not answer in time may have had no chance to.
constexpr Duration kLate = std::chrono::milliseconds(500);

}  // namespace

Supervisor::Supervisor(std::string cluster, NodeName node, std::string address,
                       const WallAnchor& wall, Rng& rng,
                       const std::vector<RecoveredInstance>& recovered, Instant now)
    : context_{std::move(cluster), std::move(node), std::move(address), wall, rng, effects_} {
  for (const RecoveredInstance& found : recovered) {
    const InstanceId id = found.stored.assignment.instance;
    if (found.running) {
      instances_.try_emplace(id, context_, found.stored, now);
    } else if (found.stored.pid != 0 &&
               found.stored.assignment.spec.restart.when == RestartWhen::Never) {
      instances_.try_emplace(id, context_, found.stored, Instance::Ended{}, now);
    } else {
      remembered_[id] = found.stored.restarts;
    }
  }
}

void Supervisor::on_assignments(const rpc::Assignments& assignments, Instant now) {
  if (assignments.epoch < epoch_) return;
  epoch_ = assignments.epoch;
  heard_ = true;
  listed_.clear();
  for (const rpc::Assignment& item : assignments.items) {
    listed_.insert(item.instance);
    const auto found = instances_.find(item.instance);
    if (found != instances_.end()) {
      if (item.wanted == Wanted::Stop) found->second.stop(now);
      if (item.wanted == Wanted::Stop && found->second.over()) {
        effects_.emplace_back(StatusChanged{found->second.status()});
      }
      continue;
    }
    if (item.wanted == Wanted::Stop) {
      InstanceStatus status;
      status.instance = item.instance;
      status.phase = Phase::Stopped;
      status.at = context_.wall.wall_at(now);
      effects_.emplace_back(StatusChanged{status});
      continue;
    }
    const auto known = remembered_.find(item.instance);
    const std::uint32_t restarts = known == remembered_.end() ? 0 : known->second + 1;
    instances_.try_emplace(item.instance, context_, item, restarts, now);
  }
  for (const auto& [id, restarts] : std::exchange(remembered_, {})) {
    if (!instances_.contains(id)) effects_.emplace_back(ForgetStored{id});
  }
  for (auto& [id, instance] : instances_) {
    if (!listed_.contains(id)) instance.stop(now);
  }
  sweep();
}

void Supervisor::sweep() {
  if (!heard_) return;
  for (auto it = instances_.begin(); it != instances_.end();) {
    if (listed_.contains(it->first) || !it->second.over()) {
      ++it;
      continue;
    }
    effects_.emplace_back(ForgetStored{it->first});
    it = instances_.erase(it);
  }
}

void Supervisor::stop_all(Instant now) {
  for (auto& [id, instance] : instances_) instance.stop(now);
}

void Supervisor::on_saved(InstanceId instance, const Status& saved, Instant now) {
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return;
  found->second.on_saved(saved, now);
  sweep();
}

void Supervisor::on_started(InstanceId instance, std::uint64_t attempt, std::int64_t pid,
                            std::uint64_t start_time, Instant now) {
  const auto found = instances_.find(instance);
  if (found != instances_.end()) found->second.on_started(attempt, pid, start_time, now);
}

void Supervisor::on_start_failed(InstanceId instance, std::uint64_t attempt, const Error& error,
                                 Instant now) {
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return;
  found->second.on_start_failed(attempt, error, now);
  sweep();
}

void Supervisor::on_exited(InstanceId instance, std::int64_t pid, bool failed,
                           const std::string& how, Instant now) {
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return;
  found->second.on_exited(pid, failed, how, now);
  sweep();
}

void Supervisor::on_check(InstanceId instance, health::ProbeRole role, std::uint64_t id,
                          bool passed, const std::string& text, Instant now) {
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return;
  found->second.on_check(role, id, passed, text, now, late(now));
}

bool Supervisor::late(Instant now) const {
  const Instant due = deadline();
  return due != kNever && now - due > kLate;
}

void Supervisor::tick(Instant now) {
  const bool stalled = late(now);
  for (auto& [id, instance] : instances_) instance.tick(now, stalled);
}

Instant Supervisor::deadline() const {
  Instant next = kNever;
  for (const auto& [id, instance] : instances_) next = std::min(next, instance.deadline());
  return next;
}

std::vector<InstanceEffect> Supervisor::take_effects() { return std::exchange(effects_, {}); }

std::vector<InstanceStatus> Supervisor::statuses() const {
  std::vector<InstanceStatus> all;
  for (const auto& [id, instance] : instances_) all.push_back(instance.status());
  return all;
}

bool Supervisor::idle() const {
  return std::all_of(instances_.begin(), instances_.end(),
                     [](const auto& entry) { return entry.second.over(); });
}

bool Supervisor::unsaved() const {
  return std::any_of(instances_.begin(), instances_.end(),
                     [](const auto& entry) { return entry.second.unsaved(); });
}

}  // namespace muster::agent
