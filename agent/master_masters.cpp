// The part of Master that looks after who the masters are, and what agents must know of it.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "agent/api.h"
#include "agent/facts.h"
#include "agent/master.h"

namespace muster::agent {
namespace {

constexpr Duration kGreetEvery = std::chrono::milliseconds(100);
constexpr Duration kHearTheRest = std::chrono::seconds(1);

Notice said_of(const NodeName& master, const raft::Change& step) {
  switch (step.kind) {
    case raft::ChangeKind::Add:
      return {Level::Info, "adding master " + master + " at " + step.server.address +
                               ": it votes when it has caught up"};
    case raft::ChangeKind::Promote:
      return {Level::Info, "master " + master + " has caught up and gets a vote"};
    case raft::ChangeKind::Remove: break;
  }
  return {Level::Warning,
          "master " + master + " lost its log before it had a vote: it is added anew"};
}

}  // namespace

// --- a new cluster, or a lost disk? ---

// A master whose disk is empty may be new, or may have lost a log in which it promised things. Who
// has no word of any cluster either can begin one with it, once together they are enough. As soon
// as somebody has, only a coordinator knows: whether this one is among those that it leads, and
// whether it ever had a log. (That all who are left have lost theirs, nobody can know.)
void Master::form(Instant now) {
  if (now >= greet_at_) {
    greet_at_ = now + kGreetEvery;
    links_.greet(now);
  }
  const std::size_t blank = blank_.size() + 1;
  if (blank < options_.masters.size() / 2 + 1 || !logs_.empty()) {
    begin_at_ = kNever;
  } else if (blank == options_.masters.size()) {
    begin(now);
  } else {
    // The one that is missing may be all that is left of a cluster: if it is there, it says so.
    begin_at_ = std::min(begin_at_, now + kHearTheRest);
    if (now >= begin_at_) begin(now);
  }
}

void Master::begin(Instant now) {
  forming_ = false;
  greet_at_ = kNever;
  engine_->start(now, true);
  refresh_electorate();
}

void Master::on_link_answer(const NodeName& master, const rpc::HelloReply& reply, Instant now) {
  if (!forming_) return;
  if (reply.remembered) {
    emit(Halt{78, "this data directory is empty, but " + master + " remembers that master " +
                      self_ + " of cluster " + reply.cluster_id +
                      " had a log: it was lost, and a master that forgot what it promised must "
                      "not vote. On another master run `muster masters remove " +
                      self_ + "`, then start this one again: it joins as a new one"});
    return;
  }
  if (reply.here) return is_without_us(reply) ? join_others(now) : begin(now);
  heed_log(master, reply);
  if (reply.blank && hello_.cluster_id.empty() && reply.cluster_id.empty()) {
    blank_.insert(master);
    return form(now);
  }
  blank_.erase(master);
  if (std::exchange(waits_for_coordinator_, true)) return;
  if (reply.blank) {
    emit(Notice{Level::Error,
                "this master and " + master + " have no log of cluster " +
                    (hello_.cluster_id.empty() ? reply.cluster_id : hello_.cluster_id) +
                    ", which their data directories know: they begin no other one, and wait for a "
                    "master that has the log; if there is none left, restore a snapshot (`muster "
                    "snapshot restore`), or begin anew with empty data directories"});
    return;
  }
  emit(Notice{Level::Warning,
              "this data directory is empty, and master " + master +
                  " has a log of this cluster: only a coordinator can tell whether this master "
                  "had one too; waiting for one, start the other masters"});
}

void Master::on_link_refused(const LinkRefused& refused, Instant now) {
  if (forming_ && refused.reply.here && is_without_us(refused.reply)) return join_others(now);
  heed_log(refused.master, refused.reply);
  emit(
      Notice{Level::Error, "master " + refused.master + " refuses this one: " + refused.reply.why});
}

// As soon as one has been heard that has a log, no cluster begins without a coordinator's word.
void Master::heed_log(const NodeName& master, const rpc::HelloReply& reply) {
  if (reply.blank) {
    logs_.erase(master);
  } else {
    logs_.insert(master);
  }
}

void Master::ask_coordinator(const NodeName& coordinator, Instant now) {
  if (!forming_) return;
  links_.knock(coordinator, now);
  settle(now);
}

// The cluster was formed, and this master is not in it, or not any more.
bool Master::is_without_us(const rpc::HelloReply& reply) const {
  return !reply.cluster_id.empty() && !reply.masters.empty() &&
         std::none_of(reply.masters.begin(), reply.masters.end(),
                      [this](const rpc::MasterAddress& one) { return one.name == self_; });
}

// It was to be a founder, and the cluster goes on without it: it becomes a master as any other that
// comes later, with a new log that nobody can take for the one that it may have had.
void Master::join_others(Instant now) {
  forming_ = false;
  greet_at_ = kNever;
  emit(Notice{Level::Info, "the cluster was formed without this master: it joins it as a new one"});
  name_log(master_id(self_, boot_));
  engine_ = std::make_unique<failover::RaftEngine>(options_.raft, id_, rpc_.text(),
                                                   std::vector<raft::Server>(), raft::Stored(),
                                                   rng_.next(), now);
  engine_->start(now, false);
  refresh_electorate();
}

void Master::name_log(MasterId id) {
  id_ = id;
  hello_.master_id = id;
  links_.set_hello(hello_);
}

rpc::HelloReply Master::reply_to_master(const NodeName& from) const {
  rpc::HelloReply reply;
  tell_masters(reply);
  reply.blank = is_blank();
  reply.remembered = state_->masters.contains(from) || has_acknowledged(from);
  return reply;
}

// Before its name is in the state, which takes a moment.
bool Master::has_acknowledged(const NodeName& master) const {
  const MasterId id = electorate_.id_of(master);
  const std::vector<failover::Progress> progress = engine_->progress();
  return std::any_of(progress.begin(), progress.end(),
                     [id](const failover::Progress& one) { return one.id == id && one.match > 0; });
}

void Master::tell_masters(rpc::HelloReply& reply) const {
  reply.here = coordinator_.active();
  reply.cluster_id = state_->id;
  reply.masters = electorate_.list();
}

bool Master::is_master(const NodeName& name, MasterId id) const {
  // One that joins does not know yet who the masters are; whoever leads them will speak first. And
  // consensus knows of a new one before the state has its name.
  return electorate_.contains(name) || !belongs() || engine_->is_server(id);
}

bool Master::belongs() const { return forming_ || engine_->is_server(id_); }

// --- which masters there are ---

void Master::refresh_electorate() {
  if (!electorate_.update(*state_, engine_->configuration())) return;
  if (const NodeName whose = electorate_.name_of(id_);
      !whose.empty() && !is_unnamed(whose) && whose != self_) {
    // Two that answer with one log would be one master with two minds.
    return emit(Halt{78, "this data directory holds the log of master " + whose + ", and this is " +
                             self_ +
                             ": it was copied, or this node was named otherwise; give it "
                             "an empty data_dir, or node.name " +
                             whose + " again"});
  }
  learn_leader();
  links_.set_others(electorate_.others());
  hello_.cluster_id = state_->id;
  if (electorate_.changed()) hello_.masters = 0;
  links_.set_hello(hello_);
  facts_due_ = true;
  step_due_ = true;
}

void Master::step_electorate(Instant now) {
  if (!std::exchange(step_due_, false) || stepping_ || !coordinator_.active()) return;
  std::set<MasterId> heard;
  std::set<MasterId> caught_up;
  for (const failover::Progress& peer : engine_->progress()) {
    if (peer.match == 0) continue;
    heard.insert(peer.id);
    if (!peer.catching_up) caught_up.insert(peer.id);
  }
  const auto step = electorate_.next_step(*state_, heard, caught_up, coordinator_.candidates());
  if (!step) return;
  stepping_ = true;
  if (const auto* command = std::get_if<CommandBody>(&*step)) {
    return submit(OwnStep{}, Command{*command, wall_.wall_at(now)}, now);
  }
  changing_ = OwnStep{};
  const auto& [name, change] = std::get<ServerStep>(*step);
  emit(said_of(name, change));
  const Status begun = engine_->change(change, now);
  if (begun) return;
  changing_.reset();  // tried again at the next look
  stepping_ = false;
}

void Master::change_masters(std::uint64_t request, rpc::MasterChange change, const NodeName& name,
                            Instant now) {
  change_masters(Origin(LocalWrite{request}), change, name, now);
  settle(now);
}

void Master::change_masters(const Origin& origin, rpc::MasterChange change, const NodeName& name,
                            Instant now) {
  const auto refuse = [&](Code code, const std::string& why) { finish(origin, fail(code, why)); };
  if (!coordinator_.active()) {
    return finish(origin, not_coordinator());
  }
  if (change == rpc::MasterChange::Transfer) {
    const Status begun = engine_->transfer(name.empty() ? 0 : electorate_.id_of(name), now);
    if (!begun) return refuse(begun.error().code, begun.error().text);
    std::string text = "the leadership is being handed over";
    if (!name.empty()) text += " to " + name;
    return finish(origin, Outcome{std::move(text)});
  }
  if (change == rpc::MasterChange::Add) {
    if (electorate_.contains(name)) return refuse(Code::Conflict, name + " is a master already");
    if (!coordinator_.candidates().contains(name)) {
      return refuse(Code::InvalidArgument,
                    name +
                        " is not registered as an agent with `role: master`: set it in its "
                        "configuration, or join it with a token for masters, and start it; one "
                        "that was removed before begins anew when consensus.db.retired* is out of "
                        "its data directory and it is restarted");
    }
    electorate_.unretire(name);
    step_due_ = true;
    return finish(origin, Outcome{name + " is being added: it votes when it has caught up"});
  }
  if (!electorate_.contains(name)) {
    return refuse(Code::NotFound, name + " is not a master: `muster masters` lists them");
  }
  if (electorate_.masters().size() == 1) {
    return refuse(Code::InvalidArgument, name + " is the only master: add another one first");
  }
  if (stepping_) return refuse(Code::Conflict, "another change of masters is under way: try again");
  const auto candidates = coordinator_.candidates();
  const auto running = candidates.find(name);
  electorate_.retire(name, running == candidates.end() ? std::string() : running->second.boot);
  const Status begun =
      engine_->change({raft::ChangeKind::Remove,
                       {electorate_.id_of(name), electorate_.address_of(name).text(), true}},
                      now);
  if (!begun) return refuse(begun.error().code, begun.error().text);
  stepping_ = true;
  changing_ = origin;
}

void Master::change_from(StreamId stream, const rpc::ChangeMasters& change, bool vouched,
                         Instant now) {
  const Origin origin = RemoteWrite{stream, change.id};
  if (!vouched || !change.authorization.empty()) {
    const auto actor =
        actor_of(*state_, options_.sha256, change.authorization, Role::Admin, wall_.wall_at(now));
    if (!actor) return finish(origin, tl::unexpected(actor.error()));
  }
  change_masters(origin, change.change, change.master, now);
}

void Master::on(const failover::ChangeDone& /*done*/, Instant /*now*/) {
  stepping_ = false;
  step_due_ = true;
  refresh_electorate();
  if (const auto origin = std::exchange(changing_, std::nullopt)) {
    finish(*origin, Outcome{"the masters are changed"});
  }
}

void Master::on(const failover::ChangeFailed& failed, Instant /*now*/) {
  stepping_ = false;
  if (const auto origin = std::exchange(changing_, std::nullopt)) {
    if (std::holds_alternative<OwnStep>(*origin)) {
      emit(Notice{Level::Warning, "the masters were not changed: " + failed.error.text});
    }
    Error error = failed.error;
    // Who takes this one away must be another coordinator: it is asked next.
    if (engine_->role() != raft::Role::Leader) error.code = Code::Unknown;
    finish(*origin, tl::unexpected(std::move(error)));
  }
}

std::vector<ServerView> Master::servers_view() const {
  std::map<MasterId, failover::Progress> progress;
  for (const failover::Progress& one : engine_->progress()) progress[one.id] = one;
  const auto vitals = coordinator_.active()
                          ? coordinator_.vitals()
                          : std::map<NodeName, std::pair<Instant, rpc::Heartbeat>>();
  std::vector<ServerView> out;
  for (const raft::Server& server : engine_->configuration()) {
    ServerView view;
    view.name = electorate_.name_of(server.id);
    view.rpc = electorate_.address_of(view.name);
    view.voter = server.voter;
    view.leads = !view.name.empty() && view.name == leader_;
    if (view.name == self_) {
      view.match = engine_->last_index();
      view.applied = engine_->applied_index();
      view.disk_failing = disk_.failing();
    } else if (const auto found = progress.find(server.id); found != progress.end()) {
      view.match = found->second.match;
      view.last_contact = found->second.last_contact.value_or(kNever);
    }
    if (const auto said = vitals.find(view.name); said != vitals.end() && view.name != self_) {
      view.applied = said->second.second.applied;
      view.disk_failing = said->second.second.disk_failing;
    }
    out.push_back(std::move(view));
  }
  return out;
}

// --- what agents must know ---

void Master::publish_facts() {
  if (!std::exchange(facts_due_, false)) return;
  coordinator_.set_facts(facts_of(*state_, electorate_));
}

// --- reads ---

void Master::read(std::uint64_t request, const rpc::Read& read, Instant now) {
  this->read(AnswerRead{0, request, read}, now);
  settle(now);
}

void Master::read_from(StreamId stream, const rpc::Read& read, bool vouched, Instant now) {
  const auto role = role_to_read(read.path);
  if (role && (!vouched || !read.authorization.empty())) {
    const auto actor =
        actor_of(*state_, options_.sha256, read.authorization, *role, wall_.wall_at(now));
    if (!actor) {
      return emit(SendFrame{stream, rpc::ReadReply{read.id, 403, problem(actor.error()).body}});
    }
  }
  this->read(AnswerRead{stream, 0, read}, now);
}

void Master::read(AnswerRead pending, Instant now) {
  pending.read.authorization.clear();
  const std::uint64_t id = ++last_read_;
  reads_.emplace(id, std::move(pending));
  engine_->read(id, now);
}

void Master::on(const failover::ReadReady& ready) {
  if (auto waiting = reads_.extract(ready.read)) emit(std::move(waiting.mapped()));
}

void Master::on(const failover::ReadFailed& failed) {
  const auto waiting = reads_.extract(failed.read);
  if (!waiting) return;
  const AnswerRead& asked = waiting.mapped();
  if (asked.stream != 0) {
    emit(SendFrame{asked.stream, rpc::ReadReply{asked.read.id, 503, {}}});
  } else {
    emit(ReadDone{asked.request, 503, {}});
  }
}

}  // namespace muster::agent
