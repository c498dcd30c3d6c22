// The part of Node that carries what one core decided to the others, and out.
#include <algorithm>
#include <string>
#include <utility>

#include "agent/node.h"

namespace muster::agent {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

// Until nobody has anything left to say. Membership first: it feeds the master's decisions.
void Node::settle(Instant now) {
  bool busy = true;
  while (busy) {
    busy = drain_swim(now);
    busy = drain_supervisor() || busy;
    busy = drain_session(now) || busy;
    busy = drain_master(now) || busy;
  }
  if (session_.registered() && master_ && !master_->forming() && registered_id_ != master_->id()) {
    reports_.clear();  // the registration says everything
    send_register();   // it has a log now, or another one
  }
  send_reports();
  const bool clock_was_off = clock_off_;
  watch_clock();
  if (clock_was_off && !clock_off_) {  // what was refused for it is asked for again
    renewing_.retry(now);
    if (!facts_refused_.empty()) take_again(now);
  }
  renew(now);
  drain_session(now);
  finish_leaving(now);
}

bool Node::drain_swim(Instant now) {
  std::vector<health::SwimEffect> effects = swim_.take_effects();
  for (health::SwimEffect& effect : effects) {
    std::visit(Overloaded{
                   [&](health::MemberChanged& change) { on_member_changed(change, now); },
                   [&](health::NameTaken& taken) {
                     std::string why = "the name " + options_.info.name +
                                       " is in use by the agent at " + taken.other.text();
                     if (taken.votes_for + taken.votes_against > 0) {
                       why += ", to which " + std::to_string(taken.votes_against) + " of " +
                              std::to_string(taken.votes_for + taken.votes_against) +
                              " members that were asked gave it";
                     }
                     why +=
                         ": give this one another node.name; if it was cloned from that machine, ";
                     why += trust_.secured()
                                ? "move its data_dir away and `muster join` it under its own name"
                                : "move its data_dir away first";
                     emit(Halt{78, std::move(why)});
                     halted_ = true;
                   },
                   [&](health::Conflict& conflict) {
                     emit(Notice{Level::Error, "two agents are named " + conflict.name + ": " +
                                                   conflict.known.text() + " stays, " +
                                                   conflict.claimed.text() + " is ignored"});
                   },
                   [&](health::LeaderHeard& heard) {
                     session_.on_leader_heard(heard.name, heard.term, now);
                   },
                   [&](auto& other) { emit(std::move(other)); },
               },
               effect);
  }
  return !effects.empty();
}

void Node::on_member_changed(const health::MemberChanged& change, Instant now) {
  const health::Member& member = change.now;
  ++member_changes_;
  history_.record(change, now);
  const bool moved = !change.before || change.before->state != member.state;
  if (moved) {
    std::string text = "member " + member.name() + " is " + std::string(to_text(member.state));
    if (!change.evidence.text.empty()) text += ": " + change.evidence.text;
    const bool bad = member.state == gossip::MemberState::Failed;
    emit(Notice{bad ? Level::Warning : Level::Info, std::move(text)});
    if (bad) {
      emit(Measured{"muster_detection_seconds", seconds(now - change.evidence.last_heard)});
    }
  }
  if (master_) master_->on_sighting(member.name(), {member.state, change.evidence.text});
}

bool Node::drain_session(Instant now) {
  std::vector<SessionEffect> effects = session_.take_effects();
  for (SessionEffect& effect : effects) {
    std::visit(Overloaded{
                   [&](SessionUp& up) {
                     emit(Notice{Level::Info, "registered with coordinator " + up.coordinator});
                     reports_.clear();  // the registration says everything
                     send_register();
                     if (master_) master_->ask_coordinator(up.coordinator, now);
                     for (rpc::Frame& frame : questions_.coordinator_found()) {
                       session_.send(std::move(frame));
                     }
                   },
                   [&](SessionDown& down) {
                     emit(Notice{Level::Warning,
                                 "lost coordinator " + down.coordinator + ": " + down.why});
                     for (Effect& heard : questions_.coordinator_lost(down.why)) {
                       emit(std::move(heard));
                     }
                     renewing_.on_disconnected(now);
                   },
                   [&](SessionRebuffed& rebuffed) {
                     emit(Notice{Level::Error, rebuffed.why});
                   },
                   [&](SessionRefused& refused) {
                     emit(Halt{78, refused.why});
                     halted_ = true;
                   },
                   [&](auto& other) { emit(std::move(other)); },
               },
               effect);
  }
  return !effects.empty();
}

void Node::send_register() {
  // One that does not know yet whether to found or to join has no log to be added with.
  registered_id_ = master_ && !master_->forming() ? master_->id() : MasterId{0};
  session_.send(rpc::Register{options_.info, supervisor_.statuses(), registered_id_});
}

// What changed goes up as one report; while nobody is there to hear it, the next registration
// carries the whole.
void Node::send_reports() {
  if (reports_.empty() || !session_.registered()) return;
  rpc::StatusReport report;
  for (auto& [id, status] : std::exchange(reports_, {})) report.statuses.push_back(status);
  session_.send(std::move(report));
}

bool Node::drain_supervisor() {
  std::vector<InstanceEffect> effects = supervisor_.take_effects();
  for (InstanceEffect& effect : effects) {
    std::visit(Overloaded{
                   [&](StatusChanged& changed) {
                     const InstanceStatus& status = changed.status;
                     reports_[status.instance] = status;
                     std::string text = "instance " + std::to_string(status.instance) + " is " +
                                        std::string(to_text(status.phase));
                     if (status.pid != 0) text += ", pid " + std::to_string(status.pid);
                     if (!status.why.empty()) text += ": " + status.why;
                     emit(Notice{Level::Info, std::move(text)});
                   },
                   [&](ProbeCounted& probe) {
                     const bool live = probe.role == health::ProbeRole::Liveness;
                     emit(Measured{"muster_probe_results_total",
                                   1,
                                   {{"workload", probe.workload},
                                    {"probe", live ? "liveness" : "readiness"},
                                    {"result", probe.passed ? "success" : "failure"}}});
                   },
                   [&](StartProcess& start) {
                     if (start.attempt > 1) {
                       emit(Measured{"muster_restarts_total", 1, {{"workload", start.spec.name}}});
                     }
                     emit(std::move(start));
                   },
                   [&](auto& other) { emit(std::move(other)); },
               },
               effect);
  }
  return !effects.empty();
}

bool Node::drain_master(Instant now) {
  if (!master_) return false;
  std::vector<MasterEffect> effects = master_->take_effects();
  for (MasterEffect& effect : effects) {
    std::visit(Overloaded{
                   [&](LeaderKnown& known) { session_.on_coordinator(known.leader, now); },
                   [&](Leading& leading) { swim_.announce_leading(leading.term, now); },
                   [&](MasterHint& hint) { swim_.hint_unreachable(hint.node, now); },
                   [&](Effect& other) {
                     if (std::holds_alternative<Halt>(other)) halted_ = true;
                     // Nothing more is heard of a stream that is closed from here.
                     if (const auto* closing = std::get_if<CloseStream>(&other)) {
                       forget_peer(closing->stream);
                     }
                     const auto* done = std::get_if<WriteDone>(&other);
                     if (done != nullptr && !questions_.settle(*done, now)) return;
                     emit(std::move(other));
                   },
               },
               effect);
  }
  return !effects.empty();
}

void Node::finish_leaving(Instant now) {
  if (!leaving_ || halted_) return;
  if (!(supervisor_.idle() && swim_.leave_done()) && now < leave_by_) return;
  halted_ = true;
  emit(Halt{0, "left the cluster"});
}

}  // namespace muster::agent
