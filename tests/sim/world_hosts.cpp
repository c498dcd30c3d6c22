// The hosts of the world: when do their agents live, stand still and lag, and what do their clocks
// show?
#include <algorithm>
#include <utility>

#include "agent/history_families.h"
#include "collector/history_series.h"
#include "world.h"

namespace muster::sim {
namespace {

constexpr WallTime kEpoch{std::chrono::hours(24 * 365 * 56)};
constexpr Duration kReadWallClock = std::chrono::seconds(5);
constexpr Duration::rep kMillion = 1'000'000;

}  // namespace

// --- clocks ---

Instant World::local(const Host& host, Instant global) const {
  const Duration::rep time = global.time_since_epoch().count();
  return Instant(Duration(time + time * host.ppm / kMillion) + host.boot_time);
}

// The first moment at which the host's clock shows that time.
Instant World::global(const Host& host, Instant local_time) const {
  if (host.ppm == 0) return local_time - host.boot_time;
  const Duration::rep shown = (local_time - host.boot_time).time_since_epoch().count();
  Instant when{Duration(shown - shown * host.ppm / (kMillion + host.ppm) - 2)};
  while (local(host, when) < local_time) when += Duration(1);
  return when;
}

WallTime World::wall(const Host& host) const {
  return kEpoch + std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch() +
                                                                        host.wall_error);
}

void World::set_clock_rate(const NodeName& name, int ppm) {
  CHECK(!host(name).node);
  host(name).ppm = ppm;
}

void World::jump_wall_clock(const NodeName& name, std::chrono::milliseconds by) {
  trace_.add(now(), name, "** the wall clock jumps");
  host(name).wall_error += by;
}

void World::read_wall_clock(HostId id) {
  at(now() + kReadWallClock, [this, id, life = hosts_[id].life] {
    Host& same = hosts_[id];
    if (same.life != life) return;
    arrive(id, life, agent::WallRead{wall(same)});
    read_wall_clock(id);
  });
}

// --- lives and deaths ---

void World::start_all() {
  for (const NodeName& name : names_) start(name);
}

agent::Recovered World::recover(const Host& host) const {
  agent::Recovered recovered;
  recovered.consensus = host.log.durable();
  recovered.cluster_id = host.cluster_id;
  recovered.leaderless = agent::leaderless_before(host.leaderless, wall(host));
  for (const auto& [instance, stored] : host.instances.durable) {
    agent::StoredInstance found = stored;
    bool running = host.processes.contains(found.pid);
    // As the agent does: it may have died between starting a process and saving its id.
    for (const auto& [pid, process] : host.processes) {
      if (running || process.instance != instance || process.token != found.assignment.token) {
        continue;
      }
      found.pid = pid;
      found.start_time = static_cast<std::uint64_t>(pid);
      running = true;
    }
    recovered.instances.push_back({std::move(found), running});
  }
  return recovered;
}

void World::start(const NodeName& name) {
  const HostId id = id_of(name);
  Host& host = hosts_[id];
  CHECK(!host.node);
  trace_.add(now(), name, "** started");
  host.off = false;
  ++host.life;
  host.started = now();
  host.armed_at = kNever;
  host.busy_until = now();
  host.woken = false;
  host.options.seed = rng_.next();
  host.options.info.boot = "boot-" + std::to_string(host.life);
  const auto at_host = [&](const auto& entry) { return entry.second == id; };
  std::erase_if(gossip_addresses_, at_host);
  std::erase_if(rpc_addresses_, at_host);
  gossip_addresses_[host.options.info.gossip] = id;
  rpc_addresses_[host.options.info.rpc] = id;
  if (host.options.info.master) consensus_.started(id, host.log.durable());
  host.node = std::make_unique<agent::Node>(host.options, recover(host), codec_, wall(host),
                                            local(host, now()));
  assess(id);
  resume_streams();
  read_wall_clock(id);
  carry_out(id);
}

void World::end_agent(HostId id) {
  Host& host = hosts_[id];
  if (!host.node) return;
  const auto last = host.node->view(local(host, now()));
  const auto measured =
      collector::SeriesReader().read(agent::history_families(*last, wall(host)), now());
  const auto leaderless = measured.find(agent::kLeaderlessSeries);
  host.leaderless.reset();
  if (leaderless != measured.end()) host.leaderless = {wall(host), leaderless->second};
  host.node.reset();
  ++host.life;
  host.ran += now() - host.started;
  host.frozen = false;
  host.leaving = false;
  host.cost = Duration::zero();
  host.inbox.clear();
  host.datagrams = 0;
  host.tick_waits = false;
  crash_disk(id);
  reset_streams(id);
  membership_.forget(id);
  std::fill(host.beliefs.begin(), host.beliefs.end(), std::nullopt);
  assess(id);
}

void World::kill_agent(const NodeName& name) {
  trace_.add(now(), name, "** killed");
  end_agent(id_of(name));
}

void World::kill_node(const NodeName& name) {
  kill_agent(name);
  host(name).processes.clear();
}

void World::power_off(const NodeName& name) {
  trace_.add(now(), name, "** power off");
  host(name).off = true;
  end_agent(id_of(name));
  host(name).processes.clear();
}

void World::leave(const NodeName& name) {
  trace_.add(now(), name, "** told to leave");
  Host& one = host(name);
  one.leaving = true;
  assess(id_of(name));
  arrive(id_of(name), one.life, agent::LeaveRequested{});
}

void World::act(HostId id, Host& host, agent::Halt& effect) {
  trace_.add(now(), names_[id], "** ends: " + effect.why);
  if (!(host.leaving && effect.exit_code == 0)) {
    halts_.push_back(names_[id] + ": " + effect.why);
  }
  end_agent(id);
}

// Since when does the agent run undisturbed, or not answer?
void World::assess(HostId id) {
  Host& host = hosts_[id];
  const bool well =
      host.node && !host.frozen && !host.leaving && host.cost == Duration::zero() && !host.off;
  const bool dead = !host.node || host.frozen;
  if (!well) host.well_since = kNever;
  if (well && host.well_since == kNever) host.well_since = now();
  if (!dead) host.dead_since = kNever;
  if (dead && host.dead_since == kNever) host.dead_since = now();
}

// --- standing still and lagging ---

void World::freeze(const NodeName& name) {
  Host& one = host(name);
  CHECK(one.node && !one.frozen);
  trace_.add(now(), name, "** frozen");
  one.frozen = true;
  assess(id_of(name));
}

void World::thaw(const NodeName& name) {
  const HostId id = id_of(name);
  Host& one = hosts_[id];
  if (!one.node || !one.frozen) return;
  trace_.add(now(), name, "** thawed");
  one.frozen = false;
  assess(id);
  // Whether its loop turns to the timers or to the sockets first is not to be relied on.
  if (one.tick_waits && rng_.chance(50)) {
    const auto tick = std::find_if(one.inbox.begin(), one.inbox.end(), [](const auto& event) {
      return std::holds_alternative<agent::Tick>(event);
    });
    one.inbox.erase(tick);
    one.inbox.push_front(agent::Tick{});
  }
  begin_batch(id);
  begin_save(id);
  wake(id);
}

void World::slow(const NodeName& name, Duration cost) {
  trace_.add(now(), name, cost > Duration::zero() ? "** slow" : "** as fast as usual");
  host(name).cost = cost;
  assess(id_of(name));
}

void World::enqueue(Host& host, agent::Event event) {
  if (std::holds_alternative<agent::PacketArrived>(event)) {
    if (host.datagrams >= kDatagramsKept) return;
    ++host.datagrams;
  }
  if (std::holds_alternative<agent::Tick>(event) && std::exchange(host.tick_waits, true)) return;
  host.inbox.push_back(std::move(event));
}

// Goes on with what waits once the agent has time again.
void World::wake(HostId id) {
  Host& host = hosts_[id];
  if (std::exchange(host.woken, true)) return;
  at(host.busy_until, [this, id, life = host.life] {
    Host& same = hosts_[id];
    if (same.life != life) return;
    same.woken = false;
    if (now() < same.busy_until) return wake(id);
    drain(id);
  });
}

void World::drain(HostId id) {
  Host& host = hosts_[id];
  while (host.node && !host.frozen && !host.inbox.empty() && now() >= host.busy_until) {
    const agent::Event event = std::move(host.inbox.front());
    host.inbox.pop_front();
    if (std::holds_alternative<agent::PacketArrived>(event)) --host.datagrams;
    if (std::holds_alternative<agent::Tick>(event)) host.tick_waits = false;
    deliver(id, event);
  }
}

void World::fire_timer(HostId id) {
  Host& host = hosts_[id];
  if (host.frozen || now() < host.busy_until || !host.inbox.empty()) {
    return enqueue(host, agent::Tick{});
  }
  if (local(host, now()) < host.node->deadline()) return arm(id);
  deliver(id, agent::Tick{});
}

}  // namespace muster::sim
