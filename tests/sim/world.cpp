#include "world.h"

#include <algorithm>

#include "base/protobuf_codec.h"

namespace muster::sim {
namespace {

constexpr Duration kEncoding = std::chrono::milliseconds(3);  // of a snapshot
constexpr Duration kCheckMembershipEvery = std::chrono::milliseconds(250);

Address address_of(HostId host, std::uint16_t port) {
  const std::size_t number = host + 1;
  return {"10." + std::to_string(number >> 16) + "." + std::to_string((number >> 8) & 255) + "." +
              std::to_string(number & 255),
          port};
}

agent::NodeOptions options_of(HostId id, const WorldOptions& world) {
  agent::NodeOptions node;
  node.cluster = "sim";
  node.info.name = name_of(id);
  node.info.zone = id % 2 == 0 ? "a" : "b";
  node.info.capacity = {4000, std::uint64_t{4} << 30};
  node.info.gossip = address_of(id, 7946);
  node.info.rpc = address_of(id, 7947);
  node.info.http = address_of(id, 7948);
  node.info.version = "sim";
  node.info.master = id < world.masters;
  for (HostId master = 0; master < world.masters; ++master) {
    node.masters[name_of(master)] = address_of(master, 7947);
    if (master != id) node.join.push_back(address_of(master, 7946));
  }
  node.masters_digest = 1;
  node.swim = world.swim;
  node.master.gather = true;
  node.master.rules.cluster = "sim";
  if (world.small_snapshots) {
    node.master.raft.snapshot_threshold = 20;
    node.master.raft.snapshot_trailing = 5;
  }
  node.master.alerts.receivers = {{"people", "http://10.255.0.1/", {}}};
  return node;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 29);
}

}  // namespace

World::World(const WorldOptions& options, std::uint64_t seed)
    : options_(options),
      rng_(seed),
      codec_(protobuf_codec()),
      hosts_(options.nodes),
      names_(first_names(options.nodes)),
      network_(options.nodes),
      consensus_(names_, violations_),
      membership_(options.nodes, membership_bounds(options.swim, options.nodes), truth(),
                  violations_) {
  network_.set_quality(options.link);
  for (HostId id = 0; id < hosts_.size(); ++id) {
    Host& host = hosts_[id];
    host.options = options_of(id, options_);
    host.disk = options_.disk;
    host.beliefs.resize(hosts_.size());
    if (options_.skewed_clocks) {
      host.ppm = static_cast<int>(rng_.below(401)) - 200;
      host.boot_time = rng_.below(std::chrono::hours(24 * 365));
    }
    ids_[names_[id]] = id;
    by_name_.emplace_back(names_[id], id);
  }
  std::sort(by_name_.begin(), by_name_.end());
  check_membership();
}

// --- time ---

bool World::run_until(const std::function<bool()>& holds, Duration limit) {
  const Instant end = now() + limit;
  while (!holds()) {
    if (now() >= end) return false;
    run_for(std::chrono::milliseconds(1));
  }
  return true;
}

void World::check_membership() {
  membership_.check(now());
  at(now() + kCheckMembershipEvery, [this] { check_membership(); });
}

// --- what reaches an agent ---

void World::post(HostId to, std::uint64_t life, Duration after, agent::Event event) {
  at(now() + after,
     [this, to, life, event = std::move(event)]() mutable { arrive(to, life, std::move(event)); });
}

void World::arrive(HostId to, std::uint64_t life, agent::Event event) {
  Host& host = hosts_[to];
  if (host.life != life || !host.node) return;
  if (host.frozen || now() < host.busy_until || !host.inbox.empty()) {
    return enqueue(host, std::move(event));
  }
  deliver(to, event);
}

void World::deliver(HostId to, const agent::Event& event) {
  Host& host = hosts_[to];
  ++events_;
  trace_hash_ = mix(mix(trace_hash_, digest_of(event) + to),
                    static_cast<std::uint64_t>(now().time_since_epoch().count()));
  if (trace_.on()) trace_.add(now(), names_[to], describe(event));
  host.node->handle(event, local(host, now()));
  carry_out(to);
  if (host.node && host.cost > Duration::zero()) {
    host.busy_until = now() + host.cost;
    wake(to);
  }
}

void World::carry_out(HostId id) {
  Host& host = hosts_[id];
  std::vector<agent::Effect> effects = host.node->take_effects();
  for (agent::Effect& effect : effects) {
    std::visit([&](auto& what) { act(id, host, what); }, effect);
    if (!host.node) return;  // it halted
  }
  arm(id);
  observe(id);
}

// A timer that is set for earlier stays: it wakes once too early, and is set anew then.
void World::arm(HostId id) {
  Host& host = hosts_[id];
  const Instant due = host.node->deadline();
  if (due == kNever) return;
  const Instant when = std::max(global(host, due), now());
  if (when >= host.armed_at) return;
  host.armed_at = when;
  at(when, [this, id, when, life = host.life] {
    Host& same = hosts_[id];
    if (same.life != life || same.armed_at != when) return;
    same.armed_at = kNever;
    fire_timer(id);
  });
}

// --- requests of clients ---

std::uint64_t World::write(const NodeName& node, CommandBody body) {
  const std::uint64_t request = ++last_request_;
  arrive(id_of(node), host(node).life,
         agent::WriteRequested{request, std::move(body), "request-" + std::to_string(request)});
  return request;
}

std::uint64_t World::change_masters(const NodeName& node, rpc::MasterChange change,
                                    const NodeName& master) {
  const std::uint64_t request = ++last_request_;
  arrive(id_of(node), host(node).life, agent::MastersChangeRequested{request, change, master});
  return request;
}

std::optional<Result<Outcome>> World::write_result(std::uint64_t request) const {
  const auto found = write_results_.find(request);
  if (found == write_results_.end()) return std::nullopt;
  return found->second;
}

void World::act(HostId /*id*/, Host& /*host*/, agent::WriteDone& effect) {
  if (effect.result) consensus_.acknowledged("request-" + std::to_string(effect.request));
  write_results_.emplace(effect.request, effect.result);
}
void World::act(HostId /*id*/, Host& /*host*/, agent::ReadDone& /*effect*/) {}
void World::act(HostId /*id*/, Host& /*host*/, agent::AnswerRead& /*effect*/) {}
void World::act(HostId /*id*/, Host& /*host*/, agent::Measured& /*effect*/) {}

// As long after the order as it takes another thread: what was frozen then is what is encoded.
void World::act(HostId id, Host& host, agent::EncodeSnapshot& effect) {
  post(id, host.life, kEncoding,
       agent::SnapshotEncoded{
           effect.index, std::make_shared<const std::string>(codec_.encode_state(*effect.state))});
}
void World::act(HostId /*id*/, Host& host, agent::SaveClusterId& effect) {
  host.cluster_id = effect.id;
}
void World::act(HostId id, Host& host, agent::InstallFacts& effect) {
  post(id, host.life, host.disk.fsync,
       agent::FactsStored{effect.facts.revision, effect.facts.keys_revision, {}, {}});
}
// Simulated clusters are plain: nobody has a certificate.
void World::act(HostId /*id*/, Host& /*host*/, agent::MakeCertificateRequest& /*effect*/) {
  CHECK(false);
}
void World::act(HostId /*id*/, Host& /*host*/, agent::StoreCertificate& /*effect*/) {
  CHECK(false);
}
void World::act(HostId id, Host& host, agent::RetireMaster& /*effect*/) {
  crash_disk(id);
  host.log = {};
  host.options.info.master = false;
}

void World::act(HostId id, Host& /*host*/, agent::Notice& effect) {
  if (trace_.on()) trace_.add(now(), names_[id], "-- " + effect.text);
}

void World::act(HostId id, Host& host, alerting::Deliver& effect) {
  delivered_.push_back({now(), effect.notification});
  alerting::DeliveryOutcome ok;
  ok.status = 200;
  post(id, host.life, std::chrono::milliseconds(5), agent::DeliveryEnded{effect.id, ok});
}

// --- questions ---

std::shared_ptr<const agent::View> World::view(const NodeName& name) const {
  const Host& one = host(name);
  return one.node->view(local(one, now()));
}

NodeName World::coordinator() const {
  NodeName best;
  raft::Term term = 0;
  for (HostId id = 0; id < options_.masters; ++id) {
    const agent::Master* master = hosts_[id].node ? hosts_[id].node->master() : nullptr;
    if (master == nullptr || !master->active() || master->term() < term) continue;
    best = names_[id];
    term = master->term();
  }
  return best;
}

std::shared_ptr<const ClusterState> World::state() const {
  const NodeName name = coordinator();
  return name.empty() ? nullptr : view(name)->master->state;
}

std::vector<Process> World::processes(const std::string& workload) const {
  std::vector<Process> all;
  for (const Host& host : hosts_) {
    for (const auto& [pid, process] : host.processes) {
      if (process.workload == workload) all.push_back(process);
    }
  }
  return all;
}

double World::node_seconds() const {
  Duration all{};
  for (const Host& host : hosts_) {
    all += host.ran;
    if (host.node) all += now() - host.started;
  }
  return seconds(all);
}

std::string World::violation() const {
  if (violations_.empty()) return "";
  const Violation& first = violations_.all().front();
  return first.rule + ": " + first.text;
}

}  // namespace muster::sim
