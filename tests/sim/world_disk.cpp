// The disks of the world: what is durable when, and what does a crash leave?
//
// log_disk.h has the rules of a master's log. What an agent runs is saved one by one; whether a
// crash keeps what was under way, the dice say.
#include <algorithm>
#include <utility>

#include "world.h"

namespace muster::sim {
namespace {

constexpr Duration kRetryFull = std::chrono::milliseconds(250);

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

void put(InstanceDisk& disk, const InstanceWrite& write) {
  std::visit(
      Overloaded{[&](const agent::SaveInstance& save) {
                   disk.durable[save.stored.assignment.instance] = save.stored;
                 },
                 [&](const agent::ForgetStored& forget) { disk.durable.erase(forget.instance); }},
      write);
}

}  // namespace

void World::set_disk(const NodeName& name, const DiskQuality& quality) {
  host(name).disk = quality;
}

void World::fill_disk(const NodeName& name, bool full) {
  trace_.add(now(), name, full ? "** disk full" : "** disk has room");
  host(name).disk_full = full;
}

// --- the log of a master ---

void World::act(HostId id, Host& host, failover::SaveVote& effect) {
  host.log.add(effect);
  begin_batch(id);
}

void World::act(HostId id, Host& host, failover::AppendLog& effect) {
  consensus_.wrote(id, effect);
  host.log.add(std::move(effect));
  begin_batch(id);
}

void World::act(HostId id, Host& host, failover::PutSnapshot& effect) {
  consensus_.wrote(id, effect, now());
  host.log.add(std::move(effect));
  begin_batch(id);
}

void World::begin_batch(HostId id) {
  Host& host = hosts_[id];
  if (host.frozen || !host.log.begin()) return;
  at(now() + fsync_time(host.disk, rng_), [this, id, life = host.life] {
    if (hosts_[id].life == life) end_batch(id);
  });
}

void World::end_batch(HostId id) {
  Host& host = hosts_[id];
  if (host.disk_full) {
    host.log.put_back();
    if (!std::exchange(host.log_failing, true)) {
      arrive(id, host.life, agent::LogHealth{true, "no space left on device"});
    }
    at(now() + kRetryFull, [this, id, life = host.life] {
      if (hosts_[id].life == life) begin_batch(id);
    });
    return;
  }
  const std::uint64_t ticket = host.log.end();
  begin_batch(id);
  const std::uint64_t life = host.life;
  if (std::exchange(host.log_failing, false)) arrive(id, life, agent::LogHealth{false, ""});
  arrive(id, life, agent::LogDurable{ticket});
}

// --- what an agent runs ---

void World::act(HostId id, Host& host, agent::SaveInstance& effect) {
  host.instances.queue.emplace_back(std::move(effect));
  begin_save(id);
}

void World::act(HostId id, Host& host, agent::ForgetStored& effect) {
  host.instances.queue.emplace_back(effect);
  begin_save(id);
}

void World::begin_save(HostId id) {
  Host& host = hosts_[id];
  if (host.instances.busy || host.instances.queue.empty() || host.frozen) return;
  host.instances.busy = true;
  at(now() + fsync_time(host.disk, rng_), [this, id, life = host.life] {
    if (hosts_[id].life == life) end_save(id);
  });
}

void World::end_save(HostId id) {
  Host& host = hosts_[id];
  const InstanceWrite write = std::move(host.instances.queue.front());
  host.instances.queue.pop_front();
  host.instances.busy = false;
  begin_save(id);
  if (!host.disk_full) put(host.instances, write);
  const auto* save = std::get_if<agent::SaveInstance>(&write);
  if (save == nullptr) return;
  Status saved;
  if (host.disk_full) saved = fail(Code::Exhausted, "no space left on device");
  arrive(id, host.life, agent::InstanceSaved{save->stored.assignment.instance, saved});
}

// --- crashes ---

void World::crash_disk(HostId id) {
  Host& host = hosts_[id];
  host.log.crash(!host.disk_full, rng_);
  host.log_failing = false;
  InstanceDisk& instances = host.instances;
  if (instances.busy && !host.disk_full && rng_.chance(50)) {
    put(instances, instances.queue.front());
  }
  instances.queue.clear();
  instances.busy = false;
}

}  // namespace muster::sim
