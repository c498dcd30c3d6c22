#include "world.h"

#include <algorithm>
#include <tuple>

#include "base/protobuf_codec.h"

namespace muster::sim {
namespace {

constexpr WallTime kEpoch{std::chrono::hours(24 * 365 * 56)};

Address address_of(std::size_t number, std::uint16_t port) {
  return {"10.0.0." + std::to_string(number), port};
}

}  // namespace

World::World(WorldOptions options, std::uint64_t seed)
    : options_(options), rng_(seed), codec_(protobuf_codec()) {
  std::map<NodeName, Address> masters;
  for (std::size_t i = 1; i <= options_.masters; ++i) {
    masters["n" + std::to_string(i)] = address_of(i, 7947);
  }
  for (std::size_t i = 1; i <= options_.nodes; ++i) {
    const NodeName name = "n" + std::to_string(i);
    agent::NodeOptions& node = hosts_[name].options;
    node.cluster = "sim";
    node.info.name = name;
    node.info.zone = i % 2 == 0 ? "b" : "a";
    node.info.capacity = {4000, std::uint64_t{4} << 30};
    node.info.gossip = address_of(i, 7946);
    node.info.rpc = address_of(i, 7947);
    node.info.http = address_of(i, 7948);
    node.info.version = "sim";
    node.info.master = masters.contains(name);
    node.masters = masters;
    node.masters_digest = 1;
    for (std::size_t seed_node = 1; seed_node <= options_.masters; ++seed_node) {
      if (seed_node != i) node.join.push_back(address_of(seed_node, 7946));
    }
    node.master.rules.cluster = "sim";
    node.master.alerts.receivers = {{"people", "http://10.1.0.1/", {}}};
  }
}

// --- driving ---

void World::at(Instant when, std::function<void()> run) {
  queue_.push({when, ++last_sequence_, std::move(run)});
}

void World::post(const NodeName& name, Duration after, agent::Event event) {
  const std::uint64_t life = hosts_.at(name).life;
  at(now_ + after, [this, name, life, event = std::move(event)] {
    if (hosts_.at(name).life == life) deliver(name, event);
  });
}

void World::deliver(const NodeName& name, const agent::Event& event) {
  Host& host = hosts_.at(name);
  if (!host.node) return;
  ++events_;
  const std::string mark = name + "/" + std::to_string(event.index()) + "/" +
                           std::to_string(now_.time_since_epoch().count());
  trace_ = fnv1a64(mark, trace_);
  host.node->handle(event, now_);
  carry_out(name);
}

void World::carry_out(const NodeName& name) {
  Host& host = hosts_.at(name);
  std::vector<agent::Effect> effects = host.node->take_effects();
  for (agent::Effect& effect : effects) {
    std::visit([&](auto& what) { act(name, host, what); }, effect);
    if (!host.node) return;  // it halted
  }
  arm(name);
  check_safety();
}

void World::arm(const NodeName& name) {
  Host& host = hosts_.at(name);
  const Instant due = host.node->deadline();
  if (due == host.tick_at || due == kNever) return;
  host.tick_at = due;
  const std::uint64_t life = host.life;
  at(std::max(due, now_), [this, name, life, due] {
    Host& same = hosts_.at(name);
    if (same.life != life || same.tick_at != due) return;
    same.tick_at = kNever;
    deliver(name, agent::Tick{});
  });
}

void World::run_for(Duration time) {
  const Instant end = now_ + time;
  while (!queue_.empty() && queue_.top().at <= end) {
    auto run = queue_.top().run;
    now_ = std::max(now_, queue_.top().at);
    queue_.pop();
    run();
  }
  now_ = end;
}

bool World::run_until(const std::function<bool()>& holds, Duration limit) {
  const Instant end = now_ + limit;
  while (!holds()) {
    if (now_ >= end) return false;
    run_for(std::chrono::milliseconds(1));
  }
  return true;
}

void World::check_safety() {
  for (const auto& [name, host] : hosts_) {
    if (!host.node || !host.options.info.master) continue;
    const auto view = host.node->view(now_);
    if (!view->master->coordinating) continue;
    const auto [known, fresh] = coordinators_.emplace(view->master->term, name);
    if (!fresh && known->second != name && violation_.empty()) {
      violation_ = "two coordinators in term " + std::to_string(view->master->term) + ": " +
                   known->second + " and " + name;
    }
  }
}

// --- lives and deaths ---

void World::start_all() {
  for (const auto& [name, host] : hosts_) start(name);
}

void World::start(const NodeName& name) {
  Host& host = hosts_.at(name);
  CHECK(!host.node);
  ++host.life;
  host.tick_at = kNever;
  host.disk_free = now_;
  host.options.seed = rng_.next();
  host.options.info.boot = "boot-" + std::to_string(host.life);
  agent::Recovered recovered;
  recovered.consensus = host.log;
  for (const auto& [id, stored] : host.stored) {
    recovered.instances.push_back({stored, host.processes.contains(stored.pid)});
  }
  host.node = std::make_unique<agent::Node>(
      host.options, std::move(recovered), codec_,
      kEpoch + std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()),
      now_);
  carry_out(name);
}

void World::kill_agent(const NodeName& name) {
  Host& host = hosts_.at(name);
  host.node.reset();
  ++host.life;  // writes that were not durable are lost with their completions
  cut_streams(name);
}

void World::kill_node(const NodeName& name) {
  kill_agent(name);
  hosts_.at(name).processes.clear();
}

// The kernel of a dead process resets its connections.
void World::cut_streams(const NodeName& name) {
  std::vector<Wire> ends;
  for (const auto& [end, wire] : wires_) {
    if (end.first == name) ends.push_back(wire);
  }
  std::erase_if(wires_, [&](const auto& entry) {
    return entry.first.first == name || entry.second.peer == name;
  });
  for (const Wire& wire : ends) {
    if (wire.peer == name || !connected(name, wire.peer)) continue;
    post(wire.peer, latency(), agent::StreamClosed{wire.peer_stream, "reset"});
  }
}

void World::partition(const std::set<NodeName>& side) { side_ = side; }
void World::heal() { side_.clear(); }

bool World::connected(const NodeName& a, const NodeName& b) const {
  return side_.contains(a) == side_.contains(b);
}

void World::kill_process(const NodeName& node, std::int64_t pid) {
  Host& host = hosts_.at(node);
  const auto found = host.processes.find(pid);
  CHECK(found != host.processes.end());
  const InstanceId instance = found->second.instance;
  host.processes.erase(found);
  post(node, options_.exec, agent::ProcessExited{instance, pid, true, "signal 9"});
}

// --- questions ---

bool World::alive(const NodeName& name) const { return hosts_.at(name).node != nullptr; }

std::shared_ptr<const agent::View> World::view(const NodeName& name) const {
  return hosts_.at(name).node->view(now_);
}

NodeName World::coordinator() const {
  NodeName best;
  raft::Term term = 0;
  for (const auto& [name, host] : hosts_) {
    if (!host.node || !host.options.info.master) continue;
    const auto view = host.node->view(now_);
    if (!view->master->coordinating || view->master->term < term) continue;
    best = name;
    term = view->master->term;
  }
  return best;
}

std::shared_ptr<const ClusterState> World::state() const {
  const NodeName name = coordinator();
  return name.empty() ? nullptr : view(name)->master->state;
}

std::vector<Process> World::processes(const std::string& workload) const {
  std::vector<Process> all;
  for (const auto& [name, host] : hosts_) {
    for (const auto& [pid, process] : host.processes) {
      if (process.workload == workload) all.push_back(process);
    }
  }
  return all;
}

const std::map<std::int64_t, Process>& World::processes_on(const NodeName& name) const {
  return hosts_.at(name).processes;
}

std::uint64_t World::write(const NodeName& node, CommandBody body) {
  const std::uint64_t request = ++last_request_;
  deliver(node,
          agent::WriteRequested{request, std::move(body), "request-" + std::to_string(request)});
  return request;
}

std::optional<Result<std::string>> World::write_result(std::uint64_t request) const {
  const auto found = write_results_.find(request);
  if (found == write_results_.end()) return std::nullopt;
  return found->second;
}

// --- network ---

Duration World::latency() {
  return options_.latency_min + rng_.below(options_.latency_max - options_.latency_min);
}

NodeName World::at_gossip(const Address& address) const {
  for (const auto& [name, host] : hosts_) {
    if (host.options.info.gossip == address) return name;
  }
  return {};
}
NodeName World::at_rpc(const Address& address) const {
  for (const auto& [name, host] : hosts_) {
    if (host.options.info.rpc == address) return name;
  }
  return {};
}

void World::act(const NodeName& name, Host& host, health::SendPacket& effect) {
  const NodeName to = at_gossip(effect.to);
  if (to.empty() || !connected(name, to) || rng_.chance(options_.loss_percent)) return;
  post(to, latency(), agent::PacketArrived{host.options.info.gossip, std::move(effect.packet)});
}

void World::act(const NodeName& name, Host& /*host*/, health::StartSync& effect) {
  const NodeName to = at_gossip(effect.to);
  if (to.empty() || !connected(name, to) || !alive(to)) {
    return post(name, latency(), agent::SyncEnded{effect.id, std::nullopt});
  }
  exchanges_[++last_exchange_] = {name, effect.id};
  post(to, latency(), agent::SyncArrived{last_exchange_, std::move(effect.sync)});
  // A peer that dies before it answers is noticed by its connection.
  const std::uint64_t exchange = last_exchange_;
  const std::uint64_t life = hosts_.at(name).life;
  at(now_ + std::chrono::seconds(1), [this, name, exchange, life, id = effect.id] {
    if (exchanges_.erase(exchange) == 0 || hosts_.at(name).life != life) return;
    deliver(name, agent::SyncEnded{id, std::nullopt});
  });
}

void World::act(const NodeName& name, Host& /*host*/, health::AnswerSync& effect) {
  const auto found = exchanges_.find(effect.exchange);
  if (found == exchanges_.end()) return;
  const auto [to, id] = found->second;
  if (!connected(name, to)) return;
  exchanges_.erase(found);
  post(to, latency(), agent::SyncEnded{id, std::move(effect.sync)});
}

void World::act(const NodeName& name, Host& /*host*/, health::StartStreamPing& effect) {
  const NodeName to = at_gossip(effect.to);
  if (to.empty() || !connected(name, to)) return;
  if (!alive(to)) {
    return post(name, latency(), agent::StreamPingEnded{effect.sequence, std::nullopt});
  }
  pings_[++last_exchange_] = {name, effect.sequence};
  post(to, latency(), agent::StreamPingArrived{last_exchange_, std::move(effect.packet)});
}

void World::act(const NodeName& name, Host& /*host*/, health::AnswerStreamPing& effect) {
  const auto ping = pings_.extract(effect.exchange);
  if (ping.empty() || !connected(name, ping.mapped().first)) return;
  post(ping.mapped().first, latency(),
       agent::StreamPingEnded{ping.mapped().second, std::move(effect.packet)});
}

void World::act(const NodeName& name, Host& /*host*/, agent::OpenStream& effect) {
  const NodeName to = at_rpc(effect.to);
  if (to.empty() || !connected(name, to)) return;  // nothing comes back: the caller's time-out
  if (!alive(to)) {
    return post(name, latency(), agent::StreamClosed{effect.stream, "connection refused"});
  }
  const StreamId other = hosts_.at(to).next_accepted += 2;
  wires_[{name, effect.stream}] = {to, other, now_};
  wires_[{to, other}] = {name, effect.stream, now_};
  const Duration trip = latency();
  post(to, trip, agent::StreamAccepted{other});
  post(name, 2 * trip, agent::StreamOpened{effect.stream});
  wires_[{name, effect.stream}].last_delivery = now_ + trip;
  wires_[{to, other}].last_delivery = now_ + 2 * trip;
}

void World::act(const NodeName& name, Host& /*host*/, agent::SendFrame& effect) {
  const auto found = wires_.find({name, effect.stream});
  if (found == wires_.end()) return;
  Wire& wire = found->second;
  if (!connected(name, wire.peer)) return;
  wire.last_delivery = std::max(wire.last_delivery, now_ + latency());
  post(wire.peer, wire.last_delivery - now_,
       agent::FrameArrived{wire.peer_stream, std::move(effect.frame)});
}

void World::act(const NodeName& name, Host& /*host*/, agent::CloseStream& effect) {
  const auto found = wires_.find({name, effect.stream});
  if (found == wires_.end()) return;
  const Wire wire = found->second;
  wires_.erase(found);
  wires_.erase({wire.peer, wire.peer_stream});
  if (!connected(name, wire.peer)) return;
  const Instant end = std::max(wire.last_delivery, now_ + latency());
  post(wire.peer, end - now_, agent::StreamClosed{wire.peer_stream, "closed by the peer"});
}

// --- disk ---

Duration World::fsync(Host& host) {
  const Duration took = options_.fsync_min + rng_.below(options_.fsync_max - options_.fsync_min);
  host.disk_free = std::max(host.disk_free, now_) + took;
  return host.disk_free - now_;
}

void World::act(const NodeName& name, Host& host, failover::SaveVote& effect) {
  const std::uint64_t life = host.life;
  at(now_ + fsync(host), [this, name, life, effect] {
    Host& same = hosts_.at(name);
    if (same.life != life) return;
    same.log.term = effect.term;
    same.log.voted_for = effect.voted_for;
    deliver(name, agent::LogDurable{effect.ticket});
  });
}

void World::act(const NodeName& name, Host& host, failover::AppendLog& effect) {
  const std::uint64_t life = host.life;
  at(now_ + fsync(host), [this, name, life, effect] {
    Host& same = hosts_.at(name);
    if (same.life != life) return;
    raft::Stored& log = same.log;
    if (log.entries.empty()) log.first = effect.first;
    CHECK(effect.first >= log.first && effect.first <= log.first + log.entries.size());
    log.entries.resize(static_cast<std::size_t>(effect.first - log.first));
    log.entries.insert(log.entries.end(), effect.entries.begin(), effect.entries.end());
    deliver(name, agent::LogDurable{effect.ticket});
  });
}

void World::act(const NodeName& name, Host& host, failover::PutSnapshot& effect) {
  const std::uint64_t life = host.life;
  at(now_ + fsync(host), [this, name, life, effect] {
    Host& same = hosts_.at(name);
    if (same.life != life) return;
    raft::Stored& log = same.log;
    log.snapshot = effect.meta;
    log.snapshot_data = effect.data;
    if (effect.keep_from == 0) {
      log.entries.clear();
      log.first = effect.meta.index + 1;
    } else if (effect.keep_from > log.first) {
      const auto drop = std::min<std::size_t>(
          log.entries.size(), static_cast<std::size_t>(effect.keep_from - log.first));
      log.entries.erase(log.entries.begin(),
                        log.entries.begin() + static_cast<std::ptrdiff_t>(drop));
      log.first = effect.keep_from;
    }
    deliver(name, agent::LogDurable{effect.ticket});
  });
}

void World::act(const NodeName& name, Host& host, agent::SaveInstance& effect) {
  const std::uint64_t life = host.life;
  at(now_ + fsync(host), [this, name, life, stored = std::move(effect.stored)] {
    Host& same = hosts_.at(name);
    if (same.life != life) return;
    same.stored[stored.assignment.instance] = stored;
    deliver(name, agent::InstanceSaved{stored.assignment.instance, {}});
  });
}

void World::act(const NodeName& /*name*/, Host& host, agent::ForgetStored& effect) {
  host.stored.erase(effect.instance);
}

// --- processes ---

void World::act(const NodeName& name, Host& host, agent::StartProcess& effect) {
  const std::uint64_t life = host.life;
  at(now_ + options_.exec, [this, name, life, order = std::move(effect)] {
    Host& same = hosts_.at(name);
    if (same.life != life) return;
    const std::int64_t pid = ++last_pid_;
    same.processes[pid] = {pid, order.instance, order.spec.name, now_};
    deliver(name, agent::ProcessStarted{order.instance, order.attempt, pid,
                                        static_cast<std::uint64_t>(pid)});
  });
}

void World::act(const NodeName& name, Host& host, agent::SignalProcess& effect) {
  if (host.processes.erase(effect.pid) == 0) return;
  post(name, options_.exec, agent::ProcessExited{effect.instance, effect.pid, false, "exit 0"});
}

void World::act(const NodeName& /*name*/, Host& host, agent::WatchProcess& effect) {
  CHECK(host.processes.contains(effect.pid));
}

void World::act(const NodeName& name, Host& host, agent::RunCheck& effect) {
  const bool runs =
      std::any_of(host.processes.begin(), host.processes.end(),
                  [&](const auto& entry) { return entry.second.instance == effect.instance; });
  post(name, latency(), agent::CheckEnded{effect.instance, effect.role, effect.id, runs, ""});
}

// --- the rest ---

void World::act(const NodeName& name, Host& /*host*/, alerting::Deliver& effect) {
  delivered_.push_back({now_, effect.notification});
  alerting::DeliveryOutcome ok;
  ok.status = 200;
  post(name, std::chrono::milliseconds(5), agent::DeliveryEnded{effect.id, ok});
}

void World::act(const NodeName& /*name*/, Host& /*host*/, agent::WriteDone& effect) {
  write_results_.emplace(effect.request, effect.result);
}
void World::act(const NodeName& /*name*/, Host& /*host*/, agent::ReadDone& /*effect*/) {}
void World::act(const NodeName& /*name*/, Host& /*host*/, agent::AnswerRead& /*effect*/) {}
void World::act(const NodeName& /*name*/, Host& /*host*/, agent::Notice& /*effect*/) {}
void World::act(const NodeName& /*name*/, Host& /*host*/, agent::Measured& /*effect*/) {}

void World::act(const NodeName& name, Host& host, agent::Halt& effect) {
  halts_.push_back(name + ": " + effect.why);
  host.node.reset();
  ++host.life;
  cut_streams(name);
}

}  // namespace muster::sim
