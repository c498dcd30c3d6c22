#include "agent/coordinator.h"

#include <algorithm>
#include <utility>

#include "failover/commands.h"
#include "failover/placement.h"
#include "failover/reconcile.h"
#include "identity/joining.h"

namespace muster::agent {

using gossip::MemberState;

namespace {

// Far more than a node can run. An agent that names more is broken or means ill.
constexpr std::size_t kInstancesOfNodeMax = 10'000;

}  // namespace

// Commands in the order of their proposal, each already applied to a scratch copy of the state.
class Coordinator::Batch {
 public:
  Batch(const ClusterState& state, WallTime at) : scratch_(state), at_(at) {}

  void add(CommandBody body) {
    Command command{std::move(body), at_, {}};
    if (failover::apply(scratch_, scratch_.index, command)) commands_.push_back(std::move(command));
  }
  void add_all(std::vector<CommandBody> bodies) {
    for (CommandBody& body : bodies) add(std::move(body));
  }
  [[nodiscard]] const ClusterState& scratch() const { return scratch_; }
  [[nodiscard]] WallTime at() const { return at_; }
  [[nodiscard]] std::vector<Command> take() { return std::move(commands_); }

 private:
  ClusterState scratch_;
  WallTime at_;
  std::vector<Command> commands_;
};

Coordinator::Coordinator(CoordinatorOptions options, NodeName self)
    : options_(options), self_(std::move(self)) {}

rpc::HelloReply Coordinator::reply() const {
  rpc::HelloReply reply;
  reply.coordinator = leader_;
  reply.coordinator_rpc = leader_rpc_;
  reply.term = term_;
  reply.here = active_;
  reply.cluster_id = facts_.cluster_id;
  reply.masters = facts_.masters;
  return reply;
}

Coordinator::Agents::iterator Coordinator::forget(Agents::iterator agent) {
  masters_.erase(agent->first);
  return agents_.erase(agent);
}

void Coordinator::reply_all() {
  if (!active_) masters_.clear();
  for (auto& [stream, agent] : agents_) {
    if (!active_) {
      agent.registered = false;
      agent.admitted = false;
      agent.sent.reset();
    }
    effects_.emplace_back(SendFrame{stream, reply()});
  }
}

void Coordinator::on_agent(StreamId stream, const NodeName& node, Instant now) {
  Agent& agent = agents_[stream];
  agent.node = node;
  agent.last_heard = now;
  effects_.emplace_back(SendFrame{stream, reply()});
}

NodeName Coordinator::on_closed(StreamId stream) {
  const auto found = agents_.find(stream);
  if (found == agents_.end()) return {};
  NodeName node = found->second.registered ? found->second.node : NodeName();
  forget(found);
  return node;
}

void Coordinator::on_register(StreamId stream, const rpc::Register& registration, Instant now) {
  const auto found = agents_.find(stream);
  if (found == agents_.end() || !active_) return;
  const NodeName name = found->second.node;
  // One stream a node. The same boot on a new stream is a reconnect; another boot at the same
  // address is a restarted agent. Another address is another machine with a name that is taken.
  for (auto it = agents_.begin(); it != agents_.end();) {
    Agent& other = it->second;
    // The name of the Hello, which was checked; a registration could claim another's.
    const bool same = it->first != stream && other.registered && other.node == name;
    if (!same) {
      ++it;
      continue;
    }
    // A host that lost its power resets nothing: its stream stays, and holds no name.
    if (other.info.rpc != registration.info.rpc && !other.given_up) {
      rpc::HelloReply no = reply();
      no.refused = true;
      no.why = "the name " + name + " is in use by the agent at " + other.info.rpc.text() +
               ": give this one another node.name; if it was cloned from that machine, move its "
               "data_dir away first, and `muster join` it under its own name if it is secured";
      effects_.emplace_back(SendFrame{stream, no});
      effects_.emplace_back(CloseStream{stream, "refused"});
      forget(found);
      return;
    }
    effects_.emplace_back(CloseStream{it->first, "replaced by a newer stream of the same agent"});
    it = forget(it);
  }
  Agent& agent = found->second;
  agent.registered = true;
  agent.admitting = 0;
  agent.admitted = false;
  agent.last_heard = now;
  agent.given_up = false;
  agent.info = registration.info;
  agent.master_id = registration.master_id;
  agent.info.name = name;
  masters_.erase(stream);
  if (agent.info.master) masters_.insert(stream);
  agent.said.clear();
  agent.sent.reset();
  reports_.erase(name);  // what an older stream said is older than this
  dirty_ = true;
  agent.installed.reset();
  agent.facts_told = facts_.revision;
  effects_.emplace_back(SendFrame{stream, facts_});
  if (!hear(agent.said, registration.instances)) cut_boundless(stream);
}

void Coordinator::set_facts(rpc::Facts facts) {
  facts_ = std::move(facts);
  if (!active_) return;
  for (auto& [stream, agent] : agents_) {
    if (agent.registered) effects_.emplace_back(SendFrame{stream, facts_});
  }
}

bool Coordinator::on_facts_installed(StreamId stream, const rpc::FactsInstalled& installed) {
  const auto found = agents_.find(stream);
  if (found == agents_.end() || !found->second.registered) return false;
  found->second.installed = installed;
  return found->second.info.master;
}

std::map<NodeName, Candidate> Coordinator::candidates() const {
  std::map<NodeName, Candidate> out;
  for (const StreamId stream : masters_) {
    const Agent& agent = agents_.at(stream);
    const bool heeded = agent.installed && agent.installed->revision >= agent.facts_told;
    out[agent.node] = {agent.info.rpc, agent.info.boot, agent.master_id, heeded};
  }
  return out;
}

std::map<NodeName, std::pair<Instant, rpc::Heartbeat>> Coordinator::vitals() const {
  std::map<NodeName, std::pair<Instant, rpc::Heartbeat>> out;
  for (const StreamId stream : masters_) {
    const Agent& agent = agents_.at(stream);
    out[agent.node] = {agent.last_heard, agent.beat};
  }
  return out;
}

std::vector<ClockReading> Coordinator::clocks(const WallAnchor& wall) const {
  std::vector<ClockReading> out;
  for (const auto& [stream, agent] : agents_) {
    if (!agent.registered || agent.node == self_ || agent.beat.clock == WallTime{}) continue;
    // By the own clock as it is set now, if that was done since.
    out.push_back(
        {agent.node, agent.info.master, agent.beat.clock, wall.wall_at(agent.last_heard)});
  }
  return out;
}

std::map<NodeName, std::optional<rpc::FactsInstalled>> Coordinator::installed() const {
  std::map<NodeName, std::optional<rpc::FactsInstalled>> out;
  for (const auto& [stream, agent] : agents_) {
    if (agent.registered) out[agent.node] = agent.installed;
  }
  return out;
}

bool Coordinator::hear(std::map<InstanceId, InstanceStatus>& said,
                       const std::vector<InstanceStatus>& statuses) {
  for (const InstanceStatus& status : statuses) {
    said[status.instance] = status;
    if (said.size() > kInstancesOfNodeMax) return false;
  }
  return true;
}

void Coordinator::cut_boundless(StreamId stream) {
  const auto found = agents_.find(stream);
  effects_.emplace_back(CloseStream{stream, "agent " + found->second.node + " names more than " +
                                                std::to_string(kInstancesOfNodeMax) +
                                                " instances"});
  reports_.erase(found->second.node);
  forget(found);
}

void Coordinator::on_heartbeat(StreamId stream, const rpc::Heartbeat& beat, Instant now,
                               WallTime wall) {
  const auto found = agents_.find(stream);
  if (found == agents_.end() || !found->second.registered || !active_) return;
  found->second.last_heard = now;
  found->second.given_up = false;
  found->second.beat = beat;
  leases_.on_renewal(found->second.node, now);
  const auto lease_ms = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(failover::kLease).count());
  effects_.emplace_back(
      SendFrame{stream, rpc::HeartbeatAck{beat.sequence, beat.sent_at_ns, term_, lease_ms, wall}});
}

void Coordinator::on_status(StreamId stream, const rpc::StatusReport& report, Instant now) {
  const auto found = agents_.find(stream);
  if (found == agents_.end() || !found->second.registered) return;
  Agent& agent = found->second;
  agent.last_heard = now;
  agent.given_up = false;
  if (!hear(agent.said, report.statuses) || !hear(reports_[agent.node], report.statuses)) {
    return cut_boundless(stream);
  }
  std::erase_if(agent.said, [](const auto& one) { return one.second.phase == Phase::Stopped; });
  dirty_ = true;
}

void Coordinator::on_leader(const NodeName& leader, const Address& rpc, std::uint64_t term) {
  if (leader == leader_ && term == term_) return;
  leader_ = leader;
  leader_rpc_ = rpc;
  term_ = term;
  reply_all();
}

void Coordinator::begin(std::uint64_t term, const std::string& why, Instant now) {
  active_ = true;
  dirty_ = true;
  term_ = term;
  leader_ = self_;
  leader_rpc_ = {};  // whoever asks is here already
  began_ = now;
  not_before_ = now;
  failed_ = false;
  silence_check_ = now + options_.silence_max;
  unseen_check_ = now + options_.unseen_max;
  in_flight_ = 0;
  reports_.clear();
  notes_.clear();
  suspected_.clear();
  announcement_ = CoordinatorElected{self_, term, why};
  reply_all();
}

void Coordinator::end() {
  if (!active_) return;
  active_ = false;
  in_flight_ = 0;
  silence_check_ = kNever;
  leader_.clear();
  leader_rpc_ = {};
  reply_all();
}

void Coordinator::on_sighting(const NodeName& node, const Sighting& sighting) {
  sightings_[node] = sighting;
  if (sighting.state == MemberState::Suspect) suspected_[node] = sighting.evidence;
  if (sighting.state == MemberState::Failed || sighting.state == MemberState::Left) {
    for (auto& [stream, agent] : agents_) agent.given_up = agent.given_up || agent.node == node;
  }
  dirty_ = true;
}

void Coordinator::note(CommandBody body) {
  notes_.push_back(std::move(body));
  dirty_ = true;
}

void Coordinator::on_state(const ClusterState& state) {
  if (!active_) return;
  dirty_ = true;
  push_assignments(state);
}

// Most of what is agreed on moves nothing: then only those who were never told are looked at.
void Coordinator::push_assignments(const ClusterState& state) {
  const bool same = state.placements == pushed_.placements && state.workloads == pushed_.workloads;
  for (auto& [stream, agent] : agents_) {
    if (agent.admitted && !(same && agent.sent)) push_assignments(state, stream, agent);
  }
  pushed_ = state;
}

void Coordinator::push_assignments(const ClusterState& state, StreamId stream, Agent& agent) {
  const auto record = state.nodes.find(agent.node);
  if (record == state.nodes.end() || record->second.state != NodeState::Alive) return;
  std::vector<rpc::Assignment> items = failover::assignments_for(state, agent.node);
  if (agent.sent == items) return;
  // What it said of copies that are forgotten by now is of no use any more.
  std::erase_if(agent.said, [&](const auto& one) { return !state.placements.contains(one.first); });
  effects_.emplace_back(SendFrame{stream, rpc::Assignments{term_, items}});
  agent.sent = std::move(items);
}

void Coordinator::on_batch_failed(std::uint64_t batch) {
  if (batch == in_flight_ && batch != 0) failed_ = true;
}

void Coordinator::on_batch_done(std::uint64_t batch) {
  if (batch != in_flight_ || batch == 0) return;
  in_flight_ = 0;
  const bool failed = std::exchange(failed_, false);
  for (auto& [stream, agent] : agents_) {
    if (failed) agent.admitting = 0;  // its registration has every report that may be lost now
    if (agent.admitting == batch) agent.admitted = true;
  }
  if (!failed) {
    if (announced_in_ == batch) announcement_.reset();
    proposed_notes_.clear();
    return;
  }
  notes_.insert(notes_.begin(), proposed_notes_.begin(), proposed_notes_.end());
  proposed_notes_.clear();
  not_before_ = stepped_at_ + options_.retry;
  dirty_ = true;
}

bool Coordinator::seen_alive(const NodeName& node) const {
  const auto found = sightings_.find(node);
  return found != sightings_.end() &&
         (found->second.state == MemberState::Alive || found->second.state == MemberState::Suspect);
}

bool Coordinator::has_stream(const NodeName& node) const {
  return std::any_of(agents_.begin(), agents_.end(), [&](const auto& agent) {
    return agent.second.registered && agent.second.node == node;
  });
}

void Coordinator::add_verdicts(Batch& batch, Instant now) {
  for (const auto& [node, evidence] : std::exchange(suspected_, {})) {
    const auto record = batch.scratch().nodes.find(node);
    const bool alive =
        record != batch.scratch().nodes.end() && record->second.state == NodeState::Alive;
    if (alive) batch.add(NodeSuspected{node, evidence});
  }
  std::vector<CommandBody> verdicts;
  for (const auto& [node, record] : batch.scratch().nodes) {
    if (record.state != NodeState::Alive || node == self_) continue;
    const auto seen = sightings_.find(node);
    if (identity::is_revoked(batch.scratch(), node) && !has_stream(node)) {
      // It may live, and be seen by membership, but can be told nothing any more.
      verdicts.emplace_back(NodeFailed{node, "its certificate is revoked"});
    } else if (seen == sightings_.end()) {
      if (now - began_ >= options_.unseen_max) {
        verdicts.emplace_back(
            NodeFailed{node, "nobody has seen it since " + self_ + " became coordinator"});
      }
    } else if (seen->second.state == MemberState::Failed) {
      verdicts.emplace_back(NodeFailed{node, seen->second.evidence});
    } else if (seen->second.state == MemberState::Left) {
      verdicts.emplace_back(NodeLeft{node});
    }
  }
  batch.add_all(std::move(verdicts));
}

bool Coordinator::add_registrations(Batch& batch) {
  bool any = false;
  const std::uint64_t id = last_batch_ + 1;
  for (auto& [stream, agent] : agents_) {
    if (!agent.registered || !(agent.node == self_ || seen_alive(agent.node))) continue;
    const auto record = batch.scratch().nodes.find(agent.node);
    const bool down =
        record != batch.scratch().nodes.end() && record->second.state != NodeState::Alive;
    if (agent.admitting != 0 && !down) continue;
    // A node that was failed while its stream lived on is taken in again, with what it runs now.
    any = true;
    agent.admitting = id;
    agent.admitted = false;
    agent.sent.reset();
    rpc::Register registration{agent.info, {}};
    for (const auto& [instance, status] : agent.said) registration.instances.push_back(status);
    batch.add_all(failover::admit(batch.scratch(), registration));
  }
  return any;
}

void Coordinator::add_reports(Batch& batch) {
  std::vector<InstanceStatus> statuses;
  for (const auto& [node, reports] : std::exchange(reports_, {})) {
    std::vector<InstanceStatus> said;
    for (const auto& [id, status] : reports) said.push_back(status);
    for (InstanceStatus& status : failover::news(batch.scratch(), node, said)) {
      statuses.push_back(std::move(status));
    }
  }
  if (!statuses.empty()) batch.add(ReportInstances{std::move(statuses)});
}

void Coordinator::cut_silent(Instant now) {
  if (now < silence_check_) return;
  silence_check_ = now + options_.silence_max / 2;
  for (auto it = agents_.begin(); it != agents_.end();) {
    if (!it->second.registered || now - it->second.last_heard < options_.silence_max) {
      ++it;
      continue;
    }
    effects_.emplace_back(CloseStream{it->first, "agent " + it->second.node + " is silent"});
    it = forget(it);
  }
}

void Coordinator::step(const ClusterState& state, WallTime wall, Instant now) {
  if (!active_) return;
  cut_silent(now);
  if (now >= unseen_check_) {  // once: afterwards only what changes matters
    unseen_check_ = kNever;
    dirty_ = true;
  }
  if (in_flight_ != 0 || !dirty_ || now < not_before_) return;
  dirty_ = false;
  stepped_at_ = now;
  Batch batch(state, wall);
  if (announcement_) {
    batch.add(*announcement_);
    announced_in_ = last_batch_ + 1;
  }
  add_verdicts(batch, now);
  if (add_registrations(batch)) not_before_ = now + options_.pause;
  add_reports(batch);
  proposed_notes_ = std::exchange(notes_, {});
  batch.add_all(proposed_notes_);
  batch.add_all(failover::plan(batch.scratch(), batch.at()));
  const std::uint64_t id = ++last_batch_;
  std::vector<Command> commands = batch.take();
  if (commands.empty()) {
    // Nothing to commit: whoever was to be admitted by this batch is in already.
    in_flight_ = id;
    on_batch_done(id);
    push_assignments(state);
    return;
  }
  in_flight_ = id;
  effects_.emplace_back(ProposeBatch{id, std::move(commands)});
}

Instant Coordinator::deadline() const {
  if (!active_) return kNever;
  const Instant checks = std::min(silence_check_, unseen_check_);
  return dirty_ && in_flight_ == 0 ? std::min(not_before_, checks) : checks;
}

std::vector<CoordinatorEffect> Coordinator::take_effects() { return std::exchange(effects_, {}); }

}  // namespace muster::agent
