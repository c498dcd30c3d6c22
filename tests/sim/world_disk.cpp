// The disks of the world: what is durable when, and what does a crash leave?
//
// As in failover/sqlite_log.h: all writes that wait go into one transaction and one fsync, so a
// crash leaves a prefix of whole batches. Whether the one under way is in it, the dice say.
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

void put(raft::Stored& log, const failover::SaveVote& write) {
  log.term = write.term;
  log.voted_for = write.voted_for;
}

void put(raft::Stored& log, const failover::AppendLog& write) {
  if (log.entries.empty()) log.first = write.first;
  CHECK(write.first >= log.first && write.first <= log.first + log.entries.size());
  log.entries.resize(static_cast<std::size_t>(write.first - log.first));
  log.entries.insert(log.entries.end(), write.entries.begin(), write.entries.end());
}

void put(raft::Stored& log, const failover::PutSnapshot& write) {
  log.snapshot = write.meta;
  log.snapshot_data = write.data;
  if (write.keep_from == 0) {
    log.entries.clear();
    log.first = write.meta.index + 1;
  } else if (write.keep_from > log.first) {
    const auto drop = std::min<std::size_t>(log.entries.size(),
                                            static_cast<std::size_t>(write.keep_from - log.first));
    log.entries.erase(log.entries.begin(), log.entries.begin() + static_cast<std::ptrdiff_t>(drop));
    log.first = write.keep_from;
  }
}

void put(raft::Stored& log, const LogWrite& write) {
  std::visit([&](const auto& what) { put(log, what); }, write);
}

std::uint64_t ticket_of(const LogWrite& write) {
  return std::visit([](const auto& what) { return what.ticket; }, write);
}

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
  trace_.add(now_, name, full ? "** disk full" : "** disk has room");
  host(name).disk_full = full;
}

Duration World::disk_time(Host& host) {
  const DiskQuality& disk = host.disk;
  Duration took = exponential(disk.fsync, disk.tail, rng_);
  if (disk.stall_percent > 0 && rng_.chance(disk.stall_percent)) took += rng_.below(disk.stall);
  return took;
}

// --- the log of a master ---

void World::act(HostId id, Host& host, failover::SaveVote& effect) {
  host.log.queue.emplace_back(effect);
  begin_batch(id);
}

void World::act(HostId id, Host& host, failover::AppendLog& effect) {
  consensus_.wrote(id, effect);
  host.log.queue.emplace_back(std::move(effect));
  begin_batch(id);
}

void World::act(HostId id, Host& host, failover::PutSnapshot& effect) {
  consensus_.wrote(id, effect);
  host.log.queue.emplace_back(std::move(effect));
  begin_batch(id);
}

void World::begin_batch(HostId id) {
  Host& host = hosts_[id];
  LogDisk& log = host.log;
  if (!log.batch.empty() || log.queue.empty() || host.frozen) return;
  log.batch.assign(std::make_move_iterator(log.queue.begin()),
                   std::make_move_iterator(log.queue.end()));
  log.queue.clear();
  at(now_ + disk_time(host), [this, id, life = host.life] {
    if (hosts_[id].life == life) end_batch(id);
  });
}

void World::end_batch(HostId id) {
  Host& host = hosts_[id];
  LogDisk& log = host.log;
  if (host.disk_full) {
    log.queue.insert(log.queue.begin(), std::make_move_iterator(log.batch.begin()),
                     std::make_move_iterator(log.batch.end()));
    log.batch.clear();
    if (!std::exchange(log.failing, true)) {
      arrive(id, host.life, agent::LogHealth{true, "no space left on device"});
    }
    at(now_ + kRetryFull, [this, id, life = host.life] {
      if (hosts_[id].life == life) begin_batch(id);
    });
    return;
  }
  for (const LogWrite& write : log.batch) put(log.durable, write);
  const std::uint64_t ticket = ticket_of(log.batch.back());
  log.batch.clear();
  begin_batch(id);
  const std::uint64_t life = host.life;
  if (std::exchange(log.failing, false)) arrive(id, life, agent::LogHealth{false, ""});
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
  at(now_ + disk_time(host), [this, id, life = host.life] {
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
  if (!host.log.batch.empty() && !host.disk_full && rng_.chance(50)) {
    for (const LogWrite& write : host.log.batch) put(host.log.durable, write);
  }
  host.log.batch.clear();
  host.log.queue.clear();
  host.log.failing = false;
  InstanceDisk& instances = host.instances;
  if (instances.busy && !host.disk_full && rng_.chance(50)) {
    put(instances, instances.queue.front());
  }
  instances.queue.clear();
  instances.busy = false;
}

}  // namespace muster::sim
