// The part of Master that carries decisions from one of its cores to the next.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "agent/command_kinds.h"
#include "agent/master.h"
#include "failover/commands.h"

namespace muster::agent {

// In this order until nobody has anything left to say: what consensus agreed on is applied, the
// coordinator decides on the new state and proposes, consensus takes the proposal.
void Master::settle(Instant now) {
  do {
    drain_links(now);
    publish_facts();
    if (std::exchange(state_changed_, false)) {
      coordinator_.on_state(*state_);
      if (coordinator_.active()) evaluate_alerts(now);
    }
    own_alerts_.tick(now, wall_.wall_at(now));
    if (coordinator_.active()) cluster_alerts_.tick(now, wall_.wall_at(now));
    drain_alerts();
    step_electorate(now);
    step_rotation(now);
    expire_leases(now);
    coordinator_.step(*state_, wall_.wall_at(now), now);
  } while (drain_coordinator(now) || drain_engine(now) || state_changed_);
  drain_links(now);
}

bool Master::drain_engine(Instant now) {
  std::vector<failover::RaftEffect> effects = engine_->take_effects();
  for (failover::RaftEffect& effect : effects) {
    if (const auto* applied = std::get_if<failover::Applied>(&effect)) {
      on(*applied);
    } else if (const auto* restore = std::get_if<failover::Restore>(&effect)) {
      on(*restore);
    } else if (const auto* want = std::get_if<failover::WantSnapshot>(&effect)) {
      on(*want);
    } else if (const auto* role = std::get_if<failover::RoleChanged>(&effect)) {
      on(*role, now);
    } else if (const auto* failed = std::get_if<failover::ProposalFailed>(&effect)) {
      on(*failed);
    } else if (auto* message = std::get_if<failover::SendRaft>(&effect)) {
      links_.send(electorate_.name_of(message->to), std::move(message->message), now);
    } else if (const auto* ready = std::get_if<failover::ReadReady>(&effect)) {
      on(*ready);
    } else if (const auto* unread = std::get_if<failover::ReadFailed>(&effect)) {
      on(*unread);
    } else if (std::holds_alternative<failover::ConfigurationChanged>(effect)) {
      refresh_electorate();
    } else if (const auto* done = std::get_if<failover::ChangeDone>(&effect)) {
      on(*done, now);
    } else if (const auto* refused = std::get_if<failover::ChangeFailed>(&effect)) {
      on(*refused, now);
    } else if (const auto* stopped = std::get_if<failover::EngineFailed>(&effect)) {
      emit(Halt{1, "the consensus engine stopped: " + stopped->text +
                       ": restart the agent; it goes on from its log"});
    } else if (const auto* vote = std::get_if<failover::SaveVote>(&effect)) {
      disk_.asked(vote->ticket, now);
      emit(*vote);
    } else if (auto* append = std::get_if<failover::AppendLog>(&effect)) {
      disk_.asked(append->ticket, now);
      emit(std::move(*append));
    } else {
      emit(std::move(std::get<failover::PutSnapshot>(effect)));
    }
  }
  return !effects.empty();
}

bool Master::drain_links(Instant now) {
  std::vector<LinkEffect> effects = links_.take_effects();
  for (LinkEffect& effect : effects) {
    if (const auto* lost = std::get_if<LinkLost>(&effect)) {
      hint(lost->master, now);
    } else if (const auto* answered = std::get_if<LinkAnswered>(&effect)) {
      on_link_answer(answered->master, answered->reply, now);
    } else if (const auto* refused = std::get_if<LinkRefused>(&effect)) {
      on_link_refused(*refused, now);
    } else if (auto* open = std::get_if<OpenStream>(&effect)) {
      emit(std::move(*open));
    } else if (auto* frame = std::get_if<SendFrame>(&effect)) {
      emit(std::move(*frame));
    } else {
      emit(std::move(std::get<CloseStream>(effect)));
    }
  }
  return !effects.empty();
}

bool Master::drain_coordinator(Instant now) {
  std::vector<CoordinatorEffect> effects = coordinator_.take_effects();
  for (CoordinatorEffect& effect : effects) {
    if (auto* frame = std::get_if<SendFrame>(&effect)) {
      emit(std::move(*frame));
    } else if (auto* closing = std::get_if<CloseStream>(&effect)) {
      emit(std::move(*closing));
    } else {
      propose_batch(std::get<ProposeBatch>(effect), now);
    }
  }
  return !effects.empty();
}

void Master::propose_batch(const ProposeBatch& batch, Instant now) {
  std::vector<std::pair<Origin, std::string>> commands;
  for (const Command& command : batch.commands) {
    Result<std::string> bytes = encoded(command);
    if (!bytes) {
      emit(Notice{Level::Error, "a decision was dropped: " + bytes.error().text});
      continue;
    }
    commands.emplace_back(InBatch{batch.batch}, std::move(*bytes));
  }
  if (commands.empty()) return coordinator_.on_batch_done(batch.batch);
  propose(std::move(commands), now);
}

void Master::drain_alerts() {
  for (alerting::Pipeline* pipeline : {&own_alerts_, &cluster_alerts_}) {
    const bool replicated = pipeline == &cluster_alerts_;
    for (alerting::PipelineEffect& effect : pipeline->take_effects()) {
      if (auto* deliver = std::get_if<alerting::Deliver>(&effect)) {
        emit(std::move(*deliver));
      } else if (!replicated) {
        continue;  // QuorumLost: there is nobody to replicate it with
      } else if (auto* firing = std::get_if<alerting::Firing>(&effect)) {
        coordinator_.note(AlertFiring{firing->fingerprint, firing->alert});
      } else {
        coordinator_.note(AlertResolved{std::get<alerting::Resolved>(effect).fingerprint});
      }
    }
  }
}

// Not a part of the coordinator's batches: a lease that ends changes no plan.
void Master::expire_leases(Instant now) {
  named_leases_.on_state(*state_, now);
  for (ExpireLease& over : named_leases_.due(now)) {
    submit(OwnExpiry{}, Command{std::move(over), wall_.wall_at(now)}, now);
  }
}

void Master::on(const failover::Applied& applied) {
  Result<Command> command = codec_.decode_command(*applied.data);
  if (!command) {
    emit(Halt{1, "log entry " + std::to_string(applied.index) +
                     " cannot be read: " + command.error().text});
    return;
  }
  ++commands_[command->body.index()];
  if (!leaves_plan(command->body)) state_changed_ = true;
  const std::size_t events_before = state_->next_event;
  const Result<Outcome> result = failover::apply(writable(), applied.index, *command);
  if (coordinator_.active() && state_->next_event != events_before) measure(*command);
  if (changes_facts(command->body)) {
    facts_due_ = true;
    refresh_electorate();
  }
  const auto origin = proposals_.find(applied.proposal);
  if (applied.proposal == 0 || origin == proposals_.end()) return;
  const Origin whose = origin->second;
  proposals_.erase(origin);
  finish(whose, result);
}

// How long a lost copy was missing: from its node's failure to its replacement being ready.
void Master::measure(const Command& command) {
  const auto* report = std::get_if<ReportInstances>(&command.body);
  if (report == nullptr) return;
  for (const InstanceStatus& status : report->statuses) {
    const auto ready = state_->placements.find(status.instance);
    if (status.phase != Phase::Ready || ready == state_->placements.end()) continue;
    const auto lost = state_->placements.find(ready->second.replaces);
    if (lost == state_->placements.end() || !lost->second.lost) continue;
    const auto node = state_->nodes.find(lost->second.node);
    if (node == state_->nodes.end()) continue;
    emit(Measured{"muster_replacement_seconds", seconds(status.at - node->second.since)});
  }
}

void Master::on(const failover::Restore& restore) {
  Result<ClusterState> state = codec_.decode_state(*restore.data);
  if (!state) {
    emit(Halt{1, "the snapshot at " + std::to_string(restore.index) +
                     " cannot be read: " + state.error().text});
    return;
  }
  writable() = std::move(*state);
  state_changed_ = true;
  facts_due_ = true;
  refresh_electorate();
}

void Master::on(const failover::WantSnapshot& want) {
  // Whoever encodes it holds the state as it is now: writable() leaves that one alone.
  emit(EncodeSnapshot{want.index, state_});
}

void Master::on(const failover::RoleChanged& role, Instant now) {
  refresh_electorate();
  const NodeName leader = electorate_.name_of(role.leader);
  if (leader.empty() && !leader_.empty()) {
    leaderless_since_ = now;
    leaderless_at_ = std::chrono::floor<std::chrono::seconds>(wall_.wall_at(now));
    if (!leader_lost_at_) leader_lost_at_ = now;
  }
  const bool changed = leader != leader_;
  leader_id_ = role.leader;
  leader_ = leader;
  if (changed) effects_.emplace_back(LeaderKnown{known_leader()});
  watch_leader(now);
  const bool serves = role.role == raft::Role::Leader && role.ready;
  if (serves && !coordinator_.active()) take_over(role.term, now);
  if (!serves && coordinator_.active()) {
    emit(Notice{Level::Warning, "this node is not the coordinator any more"});
    coordinator_.end();
    clocks_.reset();
    named_leases_.end();
    cluster_alerts_.reset();
    batches_.clear();
  }
  if (!leader.empty()) {
    // The election is over only when somebody serves.
    if (leader != self_ || role.ready) leader_lost_at_.reset();
  }
  if (leader != self_) {
    coordinator_.on_leader(known_leader(), electorate_.address_of(known_leader()), role.term);
  }
}

// Agents go by names: one that is not known yet helps them no more than none.
NodeName Master::known_leader() const { return is_unnamed(leader_) ? NodeName() : leader_; }

// Its name may come later than its office.
void Master::learn_leader() {
  const NodeName name = leader_id_ == 0 ? NodeName() : electorate_.name_of(leader_id_);
  if (name.empty() || name == leader_) return;
  leader_ = name;
  effects_.emplace_back(LeaderKnown{known_leader()});
  if (name == self_) return;
  coordinator_.on_leader(known_leader(), electorate_.address_of(known_leader()), engine_->term());
}

void Master::take_over(raft::Term term, Instant now) {
  if (leader_lost_at_) {
    emit(Measured{"muster_election_seconds", seconds(now - *leader_lost_at_)});
  }
  emit(Notice{Level::Info, "this node is the coordinator, term " + std::to_string(term)});
  // What it tells first must be what it knows now.
  refresh_electorate();
  facts_due_ = true;
  publish_facts();
  coordinator_.begin(term, engine_->election_reason(), now);
  effects_.emplace_back(Leading{term});
  named_leases_.begin(*state_, now);
  cluster_alerts_.restore(state_->alerts, wall_.wall_at(now), now);
  if (state_->id.empty()) {
    char id[33];
    std::snprintf(id, sizeof id, "%016llx%016llx", static_cast<unsigned long long>(rng_.next()),
                  static_cast<unsigned long long>(rng_.next()));
    coordinator_.note(ClusterFormed{id});
  }
  bring_founding();
  rotation_due_ = true;
  state_changed_ = true;
  step_due_ = true;
  facts_due_ = true;
}

void Master::on(const failover::ProposalFailed& failed) {
  const auto origin = proposals_.find(failed.proposal);
  if (origin == proposals_.end()) return;
  const Origin whose = origin->second;
  proposals_.erase(origin);
  if (const auto* part = std::get_if<InBatch>(&whose)) coordinator_.on_batch_failed(part->batch);
  finish(whose, tl::unexpected(failed.error));
}

}  // namespace muster::agent
