#include "agent/master.h"

#include <algorithm>
#include <utility>

#include "agent/command_kinds.h"
#include "alerting/silences.h"
#include "base/problem.h"
#include "failover/commands.h"
#include "failover/workload_check.h"
#include "identity/joining.h"

namespace muster::agent {
namespace {

constexpr Duration kEvaluateEvery = std::chrono::seconds(1);
// Writes make thousands of ticks a second.
constexpr Duration kDisksEvery = std::chrono::milliseconds(100);
constexpr std::size_t kGatheredMax = 256;
constexpr Duration kKnockEvery = std::chrono::milliseconds(10);
constexpr Duration kKnockFor = std::chrono::milliseconds(200);    // then silence alone counts
constexpr std::uint64_t kOwnDeliveries = std::uint64_t{1} << 62;  // ids of the second pipeline

std::vector<raft::Server> servers(const std::map<NodeName, Address>& masters) {
  std::vector<raft::Server> list;
  list.reserve(masters.size());
  for (const auto& [name, address] : masters) {
    list.push_back({master_id(name), address.text(), true});
  }
  return list;
}

// Whose log this is: one that was begun before that was written down is a founder's.
MasterId own_id(const raft::Stored& stored, bool empty, bool founds, const NodeInfo& self) {
  if (stored.self != 0) return stored.self;
  return !empty || founds ? master_id(self.name) : master_id(self.name, self.boot);
}

alerting::PipelineOptions own(alerting::PipelineOptions options) {
  options.first_delivery = kOwnDeliveries;
  return options;
}

}  // namespace

Master::Master(MasterOptions options, const NodeInfo& self, rpc::Hello hello, raft::Stored stored,
               Codec codec, const WallAnchor& wall, StreamIds& ids, std::uint64_t seed, Instant now)
    : options_(std::move(options)),
      self_(self.name),
      codec_(std::move(codec)),
      rng_(seed),
      wall_(wall),
      empty_(stored.has_no_log()),
      electorate_(options_.masters, self_),
      issuing_(options_.issuing),
      rpc_(self.rpc),
      boot_(self.boot),
      id_(own_id(stored, empty_, options_.masters.contains(self_), self)),
      engine_(std::make_unique<failover::RaftEngine>(options_.raft, id_, rpc_.text(),
                                                     servers(options_.masters), std::move(stored),
                                                     rng_.next(), now)),
      hello_(std::move(hello)),
      links_(hello_, electorate_.others(), ids),
      coordinator_(options_.coordinator, self_),
      cluster_alerts_(options_.alerts),
      own_alerts_(own(options_.alerts)),
      state_(std::make_shared<ClusterState>()),
      leaderless_since_(now - (options_.leaderless ? options_.leaderless->watched : Duration{})),
      leaderless_at_(options_.leaderless
                         ? options_.leaderless->since
                         : std::chrono::floor<std::chrono::seconds>(wall_.wall_at(now))),
      disk_(options_.disk_patience) {
  name_log(id_);
}

void Master::start(Instant now) {
  const bool founds = options_.masters.contains(self_) && id_ == master_id(self_);
  if (empty_ && founds && options_.masters.size() > 1) {
    forming_ = true;
    greet_at_ = now;
    form(now);
  } else {
    engine_->start(now, founds);
    refresh_electorate();
  }
  settle(now);
}

// Readers keep what they were given: a state that somebody holds is copied before it changes.
ClusterState& Master::writable() {
  if (state_.use_count() > 1) state_ = std::make_shared<ClusterState>(*state_);
  return *state_;
}

void Master::on_link_frame(StreamId stream, const rpc::Frame& frame, Instant now) {
  links_.on_frame(stream, frame, now);
  settle(now);
}

void Master::on_agent(StreamId stream, const NodeName& node, Instant now) {
  coordinator_.on_agent(stream, node, now);
  settle(now);
}

void Master::on_agent_frame(StreamId stream, const rpc::Frame& frame, bool vouched, Instant now) {
  if (const auto* registration = std::get_if<rpc::Register>(&frame)) {
    rpc::Register believed = *registration;
    believed.info.master = believed.info.master && vouched;
    coordinator_.on_register(stream, believed, now);
    step_due_ = step_due_ || believed.info.master;
  } else if (const auto* beat = std::get_if<rpc::Heartbeat>(&frame)) {
    coordinator_.on_heartbeat(stream, *beat, now, wall_.wall_at(now));
  } else if (const auto* report = std::get_if<rpc::StatusReport>(&frame)) {
    coordinator_.on_status(stream, *report, now);
  } else if (const auto* write = std::get_if<rpc::Write>(&frame)) {
    write_from(stream, *write, vouched, now);
  } else if (const auto* read = std::get_if<rpc::Read>(&frame)) {
    read_from(stream, *read, vouched, now);
  } else if (const auto* change = std::get_if<rpc::ChangeMasters>(&frame)) {
    change_from(stream, *change, vouched, now);
  } else if (const auto* installed = std::get_if<rpc::FactsInstalled>(&frame)) {
    step_due_ = coordinator_.on_facts_installed(stream, *installed) || step_due_;
    rotation_due_ = true;
  } else if (const auto* join = std::get_if<rpc::Join>(&frame)) {
    join_from(stream, *join, vouched, now);
  } else if (const auto* rotate = std::get_if<rpc::Rotate>(&frame)) {
    rotate_from(stream, *rotate, vouched, now);
  } else if (const auto* certify = std::get_if<rpc::CertifyUser>(&frame)) {
    certify_from(stream, *certify, vouched, now);
  } else {
    emit(CloseStream{stream, "a frame that agents do not send"});
    coordinator_.on_closed(stream);
  }
  settle(now);
}

void Master::hint(const NodeName& node, Instant now) {
  if (node.empty() || node == self_ || is_unnamed(node)) return;
  effects_.emplace_back(MasterHint{node});
  if (node == leader_ && !leader_lost_at_) {
    leader_lost_at_ = now;
    knock_until_ = now + kKnockFor;
    knock(now);
  }
}

// Is the leader's process gone, or the network? A process that dies closes its sockets one after
// the other, and may seem to listen yet after its streams broke: so again, until it is clear.
void Master::knock(Instant now) {
  const bool over = !leader_lost_at_ || leader_ == self_ || now >= knock_until_;
  knock_at_ = over ? kNever : now + kKnockEvery;
  if (!over) links_.knock(leader_, now);
}

// The kernel of a host that runs says that the process is gone: no need to wait for its silence.
void Master::on_nobody_listens(StreamId stream, Instant now) {
  const NodeName master = links_.peer_of(stream);
  if (master.empty() || master != leader_ || master == self_) return;
  knock_at_ = kNever;
  engine_->leader_gone(leader_id_, now);
  settle(now);
}

void Master::on_agent_closed(StreamId stream) {
  const NodeName node = coordinator_.on_closed(stream);
  if (!node.empty() && node != self_) effects_.emplace_back(MasterHint{node});
  if (identity::is_revoked(*state_, node)) state_changed_ = true;  // its work goes elsewhere
}

void Master::on_consensus(const NodeName& from, MasterId id, const Address& rpc,
                          const raft::Message& message, Instant now) {
  if (forming_ || !electorate_.meet(from, id, rpc)) return;
  const std::map<NodeName, Address> others = electorate_.others();
  const auto where = others.find(from);
  if (where == others.end()) return;  // membership has not told yet where to answer
  links_.set_others(others);
  learn_leader();
  engine_->on_message(id, where->second.text(), message, now);
  settle(now);
}

void Master::on_snapshot(raft::Index index, raft::Blob data, Instant now) {
  engine_->provide_snapshot(index, std::move(data), now);
  settle(now);
}

void Master::on_durable(std::uint64_t ticket, Instant now) {
  disk_.on_durable(ticket);
  engine_->on_durable(ticket, now);
  settle(now);
}

void Master::on_disk(bool failing, const std::string& why, Instant now) {
  disk_.on_health(failing, now);
  disk_why_ = failing ? why : "";
  emit(Notice{failing ? Level::Error : Level::Info,
              failing ? "the consensus log cannot be written, nothing is acknowledged: " + why
                      : "the consensus log can be written again"});
}

void Master::on_sighting(const NodeName& node, const Sighting& sighting) {
  coordinator_.on_sighting(node, sighting);
}

void Master::on_delivery(std::uint64_t id, const alerting::DeliveryOutcome& outcome, Instant now) {
  (id >= kOwnDeliveries ? own_alerts_ : cluster_alerts_).on_delivery(id, outcome, now);
  settle(now);
}

// What cannot be read back must never get into the log: it would stop every master.
Result<std::string> Master::encoded(const Command& command) const {
  std::string bytes = codec_.encode_command(command);
  if (const auto back = codec_.decode_command(bytes); !back) {
    return fail(Code::InvalidArgument, "cannot be kept in the log: " + back.error().text);
  }
  return bytes;
}

void Master::submit(const Origin& origin, const Command& command, Instant now) {
  if (!coordinator_.active()) return finish(origin, not_coordinator());
  if (now - unwritable_since_ >= options_.disk_patience) {
    return finish(origin, fail(Code::Unavailable, why_unwritable()));
  }
  // Agents check what they are given; whoever speaks their protocol need not have.
  if (const auto* put = std::get_if<PutWorkload>(&command.body)) {
    const std::vector<Problem> wrong = failover::problems(put->spec);
    if (!wrong.empty()) return finish(origin, tl::unexpected(to_error(wrong.front())));
  }
  const auto* revoke = std::get_if<RevokeNode>(&command.body);
  if (revoke != nullptr && std::as_const(*state_).masters.contains(revoke->node)) {
    return finish(origin, fail(Code::Conflict, revoke->node +
                                                   " is a master, and nobody can be without one: "
                                                   "`muster masters remove " +
                                                   revoke->node + "` first"));
  }
  Command stamped = command;  // one clock decides what has expired, and one version what is meant
  stamped.at = wall_.wall_at(now);
  if (auto* put = std::get_if<PutToken>(&stamped.body)) {
    // Whom it was asked reckoned with a clock of his own, and it is the coordinator's that judges.
    const bool ends = put->token.expires != WallTime{} && command.at != WallTime{};
    if (ends) put->token.expires += stamped.at - command.at;
  }
  stamped.version = version_of(stamped.body);
  Result<std::string> bytes = encoded(stamped);
  if (!bytes) return finish(origin, tl::unexpected(bytes.error()));
  gathered_.emplace_back(origin, std::move(*bytes));
  if (!options_.gather || gathered_.size() >= kGatheredMax) return propose_gathered(now);
  gathered_at_ = std::min(gathered_at_, now);
}

void Master::propose_gathered(Instant now) {
  gathered_at_ = kNever;
  if (!gathered_.empty()) propose(std::exchange(gathered_, {}), now);
}

void Master::write(std::uint64_t request, const Command& command, Instant now) {
  submit(LocalWrite{request}, command, now);
  settle(now);
}

void Master::write_from(StreamId stream, const rpc::Write& write, bool vouched, Instant now) {
  const RemoteWrite origin{stream, write.id};
  const auto role = required_role(write.command.body);
  if (!role) {
    return finish(origin, fail(Code::PermissionDenied, "agents may not propose this command"));
  }
  // A token is looked at here too: another master may not have heard that it was deleted.
  if (vouched && write.authorization.empty()) return submit(origin, write.command, now);
  const auto actor =
      actor_of(*state_, options_.sha256, write.authorization, *role, wall_.wall_at(now));
  if (!actor) return finish(origin, tl::unexpected(actor.error()));
  Command command = write.command;
  attribute(command, *actor);
  submit(origin, command, now);
}

void Master::propose(std::vector<std::pair<Origin, std::string>> commands, Instant now) {
  std::vector<std::pair<std::uint64_t, std::string>> numbered;
  for (auto& command : commands) {
    const std::uint64_t id = ++last_proposal_;
    if (const auto* part = std::get_if<InBatch>(&command.first)) ++batches_[part->batch];
    proposals_.emplace(id, command.first);
    numbered.emplace_back(id, std::move(command.second));
  }
  engine_->propose(std::move(numbered), now);
}

void Master::finish(const Origin& origin, const Result<Outcome>& result) {
  if (const auto* local = std::get_if<LocalWrite>(&origin)) {
    emit(WriteDone{local->request, result});
  } else if (const auto* remote = std::get_if<RemoteWrite>(&origin)) {
    rpc::WriteReply reply;
    reply.id = remote->id;
    reply.ok = result.has_value();
    if (result) reply.outcome = *result;
    if (!result) reply.error = result.error();
    emit(SendFrame{remote->stream, std::move(reply)});
  } else if (std::holds_alternative<OwnStep>(origin)) {
    stepping_ = false;
    step_due_ = result.has_value();  // else the next second's look tries again
  } else if (std::holds_alternative<OwnRotation>(origin)) {
    rotating_ = false;
    rotation_due_ = result.has_value();  // likewise
  } else if (std::holds_alternative<OwnExpiry>(origin)) {
    return;  // one that was lost is due again after a while; one that was renewed lives on
  } else if (const auto* issued = std::get_if<Issued>(&origin)) {
    tell(issued->to, issuing_.answer(issued->number, *state_, result));
  } else {
    const std::uint64_t batch = std::get<InBatch>(origin).batch;
    const auto open = batches_.find(batch);
    if (open == batches_.end() || --open->second > 0) return;
    batches_.erase(open);
    coordinator_.on_batch_done(batch);
    state_changed_ = true;
  }
}

void Master::tick(Instant now) {
  propose_gathered(now);
  engine_->tick(now);
  if (now >= knock_at_) knock(now);
  if (forming_ && now >= greet_at_) form(now);
  watch_disk(now);
  if (now >= disks_due_) watch_disks(now);
  watch_leader(now);
  if (now >= next_evaluation_) evaluate_alerts(now);
  settle(now);
}

void Master::watch_disk(Instant now) {
  if (const auto news = disk_.look(now)) {
    emit(Notice{disk_.hangs() ? Level::Error : Level::Info, *news});
  }
  if (!disk_.is_time_to_hand_over(now) || engine_->role() != raft::Role::Leader) return;
  // Where all disks hang, as those of one host do, another coordinator would be no better.
  if (disk_.hangs() && !engine_->is_behind()) return;
  if (engine_->transfer(0, now)) {
    emit(Notice{Level::Warning, "handing leadership over: this disk fails"});
  }
}

// A coordinator whose own disk fails hands over; where too few can keep what is agreed on, nobody
// could take over, and whoever asks for a change is told at once.
void Master::watch_disks(Instant now) {
  disks_due_ = now + kDisksEvery;
  std::size_t voters = 0;
  unwritable_.clear();
  if (coordinator_.active()) {
    for (const ServerView& server : servers_view()) {
      voters += server.voter ? 1 : 0;
      if (server.voter && server.disk_failing) unwritable_.push_back(server.name);
    }
  }
  const bool enough = unwritable_.empty() || voters - unwritable_.size() > voters / 2;
  unwritable_since_ = enough ? kNever : std::min(unwritable_since_, now);
}

std::string Master::why_unwritable() const {
  std::string text = "nothing was changed: the disk under the log of ";
  for (const NodeName& name : unwritable_) {
    if (name != unwritable_.front()) text += ", ";
    text += name;
  }
  text += " cannot be written";
  if (!disk_why_.empty()) text += " (" + disk_why_ + ")";
  return text +
         ", and without it no majority of the masters keeps what is agreed on: make room there, "
         "or mend it; then writing goes on by itself";
}

void Master::watch_leader(Instant now) {
  const bool lost = leader_.empty() && now - leaderless_since_ >= options_.quorum_patience;
  if (lost == quorum_lost_) return;
  quorum_lost_ = lost;
  emit(Notice{
      lost ? Level::Error : Level::Info,
      lost ? "no quorum of masters: reads are stale, writes are refused" : "the quorum is back"});
  evaluate_alerts(now);
}

void Master::evaluate_alerts(Instant now) {
  next_evaluation_ = now + kEvaluateEvery;
  step_due_ = true;
  rotation_due_ = true;
  const WallTime wall = wall_.wall_at(now);
  std::vector<alerting::Alert> own_firing;
  if (quorum_lost_) {
    own_firing.push_back(alerting::quorum_lost(options_.rules.cluster, self_, leaderless_at_));
  }
  own_alerts_.set_active(own_firing, wall, now);
  if (!coordinator_.active()) return;
  if (now >= clocks_due_) look_at_clocks(now);
  std::vector<alerting::Alert> firing = alerting::evaluate(*state_, wall, options_.rules);
  alerting::mute(firing, std::as_const(*state_).silences, wall);
  cluster_alerts_.set_active(firing, wall, now);
}

Instant Master::deadline() const {
  Instant next = std::min({engine_->deadline(), coordinator_.deadline(), disk_.deadline(),
                           next_evaluation_, own_alerts_.deadline(), greet_at_, gathered_at_,
                           knock_at_, named_leases_.deadline()});
  if (coordinator_.active()) next = std::min(next, cluster_alerts_.deadline());
  if (leader_.empty() && !quorum_lost_) {
    next = std::min(next, leaderless_since_ + options_.quorum_patience);
  }
  return next;
}

std::vector<MasterEffect> Master::take_effects() { return std::exchange(effects_, {}); }

std::optional<Instant> Master::leader_contact() const {
  return engine_->role() == raft::Role::Leader ? kNever : engine_->leader_contact();
}

MasterView Master::view() const {
  MasterView view;
  view.role = engine_->role();
  view.term = engine_->term();
  view.commit = engine_->commit_index();
  view.applied = engine_->applied_index();
  view.commands = commands_;
  view.has_leader = !leader_.empty();
  if (leader_.empty()) view.leaderless_since = leaderless_at_;
  view.quorum_lost = quorum_lost_;
  view.coordinating = coordinator_.active();
  view.disk_failing = disk_.failing();
  view.last = engine_->last_index();
  view.election = engine_->election_reason();
  view.servers = servers_view();
  view.agents = coordinator_.agents();
  for (const auto& [what, step] : {std::pair("authority", &rotations_.authority),
                                   std::pair("gossip key", &rotations_.gossip_key)}) {
    const bool under_way = step->phase != identity::RotationPhase::None;
    if (!under_way || !coordinator_.active()) continue;
    RotationView& shown =
        view.rotations.emplace_back(RotationView{what, to_text(step->phase), step->waits_for, {}});
    if (step != &rotations_.authority) continue;
    for (const NodeName& node : step->waits_for) {
      const auto why = rotations_.refused.find(node);
      if (why != rotations_.refused.end()) shown.why.insert(*why);
    }
  }
  view.state = state_;
  return view;
}

}  // namespace muster::agent
