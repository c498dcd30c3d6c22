#include "failover/raft_engine.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "failover/raft_check.h"
#include "failover/raft_millis.h"
#include "failover/raft_rules.h"

namespace muster::failover {
namespace {

// What an entry costs on the disk beside its payload, about.
constexpr std::uint64_t kEntryOverhead = 32;
// So many batches of commands are on their way to the disk at once; what comes then waits for the
// first of them and goes as one. Under load this bounds messages and writes by the disk's pace and
// not by the number of commands; without load nothing waits. Nor does it for long: a quorum of
// other disks is as good as the own one, should that one stand still.
constexpr std::size_t kOpenAppendsMax = 4;
constexpr std::uint64_t kBatchPatienceMs = 10;

RaftLibrary::Settings settings_of(const RaftOptions& options) {
  return {static_cast<unsigned>(to_ms(options.election_timeout)),
          static_cast<unsigned>(to_ms(options.heartbeat_interval)),
          static_cast<unsigned>(to_ms(options.install_timeout)), options.max_inflight};
}

}  // namespace

RaftEngine::RaftEngine(const RaftOptions& options, MasterId self, std::string self_address,
                       std::vector<raft::Server> bootstrap, raft::Stored stored, std::uint64_t seed,
                       Instant now)
    : options_(options),
      self_(self),
      self_address_(std::move(self_address)),
      bootstrap_(std::move(bootstrap)),
      stored_(std::move(stored)),
      library_(settings_of(options), self, self_address_, seed),
      now_ms_(to_ms(now)),
      reads_(options.reads_max) {}

// --- starting ---------------------------------------------------------------------------------

// Completes `stored_` and asks for the writes that make the disk the same.
Status RaftEngine::prepare(bool bootstrap) {
  const bool empty = stored_.has_no_log();
  if (empty) {
    if (Status trusted = check_empty(stored_, bootstrap); !trusted) return trusted;
    if (!bootstrap) {
      // Whose log this will be is on the disk before anything of it.
      if (stored_.self != self_) save_vote(stored_.term, stored_.voted_for);
      return {};
    }
    if (!is_configuration(bootstrap_)) {
      return fail(Code::InvalidArgument,
                  "the list of masters is not valid: each needs a name and "
                  "an address of its own");
    }
    std::sort(bootstrap_.begin(), bootstrap_.end(),
              [](const raft::Server& a, const raft::Server& b) { return a.id < b.id; });
    stored_.term = 1;
    stored_.first = 1;
    stored_.entries = {{1, raft::EntryType::Change,
                        std::make_shared<const std::string>(encode_configuration(bootstrap_))}};
  }
  if (Status trusted = check_stored(stored_); !trusted) return trusted;

  // An only voter needs no election, and the library holds none: it would lead again in the term
  // before. The term is what others know a reign by, so this one gets its own.
  const std::vector<raft::Server> masters = newest_configuration(stored_);
  const bool alone =
      std::count_if(masters.begin(), masters.end(),
                    [](const raft::Server& server) { return server.voter; }) == 1 &&
      std::any_of(masters.begin(), masters.end(), [this](const raft::Server& server) {
        return server.voter && server.id == self_;
      });
  if (alone) {
    ++stored_.term;
    stored_.voted_for = self_;
  }
  if (empty || alone) save_vote(stored_.term, stored_.voted_for);
  if (empty) {
    // The library takes it for stored, so nobody may hear of it before it is.
    writes_.push_back({.ticket = ++last_ticket_});
    vote_ticket_ = last_ticket_;
    effects_.emplace_back(AppendLog{last_ticket_, 1, stored_.entries});
  }
  return {};
}

void RaftEngine::start(Instant now, bool bootstrap) {
  CHECK(!started_);
  started_ = true;
  advance(now);
  started_ms_ = now_ms_;
  if (const Status ready_to_start = prepare(bootstrap); !ready_to_start) {
    stop("starting", ready_to_start.error());
    return;
  }
  snapshot_ = stored_.snapshot;
  snapshot_data_ = stored_.snapshot_data;
  log_.reset(stored_.first);
  log_.replace(stored_.first, stored_.entries);
  if (snapshot_.index != 0) {
    applied_ = snapshot_.index;
    effects_.emplace_back(Restore{snapshot_.index, snapshot_data_});
  }
  const bool ok = carry_out("starting", library_.start(now_ms_, stored_));
  stored_ = {};
  if (!ok) return;
  announced_.role = raft::Role::Candidate;  // never the first one: so the first one is told
  if (role() == raft::Role::Leader) election_reason_ = "this master is the only one with a vote";
  finish();
}

void RaftEngine::advance(Instant now) { now_ms_ = std::max(now_ms_, to_ms(now)); }

void RaftEngine::stop(const std::string& what, const Error& error) {
  if (failed_) return;
  failed_ = true;
  transfers_.clear();
  receiver_.drop();
  fail_reads("consensus has stopped here");
  end_change(Code::Unavailable, "consensus has stopped here");
  fail_proposals(std::exchange(waiting_, {}), {Code::Unavailable, "consensus has stopped here"});
  effects_.emplace_back(EngineFailed{"consensus stopped while " + what + ": " + error.text});
}

raft::Term RaftEngine::term_of(raft::Index index) const {
  if (const raft::Entry* entry = log_.at(index)) return entry->term;
  return index != 0 && index == snapshot_.index ? snapshot_.term : 0;
}

// --- what the library wants done --------------------------------------------------------------

bool RaftEngine::carry_out(const char* what, Result<LibraryUpdate> step) {
  if (!step) {
    stop(what, step.error());
    return false;
  }
  carry_out(std::move(*step));
  return running();
}

// Never calls the library's steps: what must follow one is left for settle().
void RaftEngine::carry_out(LibraryUpdate update) {
  if (update.role) change_role();
  if (update.vote) save_vote(library_.term(), library_.voted_for());
  if (!update.entries.empty()) append(update.first, std::move(update.entries));
  if (update.install) begin_install();
  for (LibraryMessage& message : update.messages) enqueue(std::move(message));
  if (update.commit) apply();
  flush_outbox();
}

void RaftEngine::change_role() {
  const bool leads = role() == raft::Role::Leader;
  if (leads == leading_) return;
  leading_ = leads;
  owes_barrier_ = leads;
  barrier_ = 0;
  heard_ms_.clear();
  transfers_.clear();
  leads_since_ms_ = now_ms_;
  if (leads) return;
  fail_reads("this master is not the coordinator any more");
  end_change(Code::Unavailable, "this master is not the coordinator any more");
  for (const auto& [index, proposal] : std::exchange(proposals_, {})) {
    effects_.emplace_back(ProposalFailed{
        proposal.id,
        {Code::Unknown, "the coordinator lost its office before entry " + std::to_string(index) +
                            " was agreed on; retry with the same request id"}});
  }
}

// May run ahead of the own disk: a quorum of other disks is as good.
void RaftEngine::apply() {
  while (applied_ < library_.commit_index()) {
    const raft::Entry* entry = log_.at(applied_ + 1);
    if (entry == nullptr) return;  // a snapshot is being installed
    ++applied_;
    applied_bytes_ += entry->data->size() + kEntryOverhead;
    std::uint64_t id = 0;
    if (const auto found = proposals_.find(applied_); found != proposals_.end()) {
      CHECK(found->second.term == entry->term);  // forgotten with the leadership otherwise
      id = found->second.id;
      proposals_.erase(found);
    }
    if (entry->type == raft::EntryType::Command) {
      effects_.emplace_back(Applied{applied_, entry->term, entry->data, id});
    } else if (entry->type == raft::EntryType::Change) {
      committed_changes_.emplace_back(applied_, entry->data);
    }
  }
}

// --- requests and time ------------------------------------------------------------------------

void RaftEngine::propose(std::vector<std::pair<std::uint64_t, std::string>> commands, Instant now) {
  if (commands.empty()) return;
  advance(now);
  if (waiting_.empty()) {
    waiting_ = std::move(commands);
  } else {
    waiting_.insert(waiting_.end(), std::make_move_iterator(commands.begin()),
                    std::make_move_iterator(commands.end()));
  }
  if (running()) return finish();
  fail_proposals(std::exchange(waiting_, {}), {Code::Unavailable, "consensus has stopped here"});
}

void RaftEngine::submit_waiting() {
  if (waiting_.empty() || !running()) return;
  if (role() != raft::Role::Leader || library_.transferring()) {
    const char* why = role() == raft::Role::Leader ? "this master hands its office over"
                                                   : "this master is not the coordinator";
    return fail_proposals(std::exchange(waiting_, {}), {Code::Unavailable, why});
  }
  if (open_appends_ >= kOpenAppendsMax && now_ms_ < batch_ms_ + kBatchPatienceMs) return;
  batch_ms_ = now_ms_;
  auto commands = std::exchange(waiting_, {});
  std::vector<raft::Entry> entries;
  entries.reserve(commands.size());
  const raft::Index first = last_index() + 1;
  for (auto& [id, command] : commands) {
    entries.push_back({term(), raft::EntryType::Command,
                       std::make_shared<const std::string>(std::move(command))});
  }
  Result<LibraryUpdate> step = library_.submit(now_ms_, entries);
  if (!step) {
    const Code code = step.error().code == Code::Exhausted ? Code::Exhausted : Code::Unavailable;
    return fail_proposals(std::move(commands), {code, step.error().text});
  }
  raft::Index index = first;
  for (const auto& [id, command] : commands) {
    proposals_.emplace_hint(proposals_.end(), index++, Proposal{term(), id});
  }
  carry_out(std::move(*step));
  settle();
}

void RaftEngine::fail_proposals(std::vector<std::pair<std::uint64_t, std::string>> commands,
                                const Error& error) {
  for (const auto& [id, command] : commands) {
    effects_.emplace_back(ProposalFailed{
        id,
        {error.code, "cannot put a command into the log in term " + std::to_string(term()) + ": " +
                         error.text + "; retry at the coordinator"}});
  }
}

Status RaftEngine::transfer(MasterId to, Instant now) {
  if (!running()) return fail(Code::Unavailable, "consensus does not run on this master");
  advance(now);
  if (to == 0) to = best_voter();
  if (to == 0 && role() == raft::Role::Leader) {
    return fail(Code::Unavailable, "cannot hand over: no other master with a vote is heard from");
  }
  Result<LibraryUpdate> step = library_.transfer(now_ms_, to);
  if (!step) {
    return fail(step.error().code, step.error().code == Code::InvalidArgument
                                       ? "cannot hand over to master " + std::to_string(to) +
                                             ": it is not another voter"
                                       : "cannot hand over: this master is not the coordinator, "
                                         "or is already handing over");
  }
  carry_out(std::move(*step));
  fail_reads("this master hands its office over");
  finish();
  return {};
}

void RaftEngine::tick(Instant now) {
  if (!running()) return;
  advance(now);
  if (now_ms_ >= library_.timeout_at()) {
    const raft::Role before = role();
    carry_out("a timeout", library_.timeout(now_ms_));
    note_timeout(before);
  }
  succeed();
  if (reads_.open_round() != 0 && now_ms_ >= probe_again_ms_) send_probes();
  advance_transfers();
  finish();
}

Instant RaftEngine::deadline() const {
  if (!running()) return kNever;
  // The library may name a moment that is over and stick to it; that must not spin the caller.
  const std::uint64_t soon =
      now_ms_ + std::max<std::uint64_t>(1, to_ms(options_.heartbeat_interval) / 10);
  std::uint64_t at = library_.timeout_at();
  if (reads_.open_round() != 0) at = std::min(at, probe_again_ms_);
  if (!waiting_.empty()) at = std::min(at, batch_ms_ + kBatchPatienceMs);
  if (succession_) at = std::min(at, succession_->at_ms);
  for (const auto& [to, transfer] : transfers_) at = std::min(at, transfer.retry_at());
  return to_instant(at > now_ms_ ? at : soon);
}

std::vector<RaftEffect> RaftEngine::take_effects() {
  if (awaited_) hold_writes();
  return std::exchange(effects_, {});
}

MasterId RaftEngine::leader() const {
  if (role() == raft::Role::Leader) return self_;
  // After a vote for somebody in a new term the library still names the leader of the old one.
  return leader_term_ == term() && library_.leader() == leader_ ? leader_ : 0;
}

bool RaftEngine::ready() const {
  return running() && role() == raft::Role::Leader && barrier_ != 0 && applied_ >= barrier_ &&
         !library_.transferring();
}

// --- after each step --------------------------------------------------------------------------

// Steps that follow from a step.
void RaftEngine::settle() {
  while (running()) {
    if (!committed_changes_.empty()) {
      const auto [index, data] = std::move(committed_changes_.front());
      committed_changes_.pop_front();
      // Checked when it came in, from a peer or from the disk.
      const Result<std::vector<raft::Server>> servers = decode_configuration(*data);
      CHECK(servers.has_value());
      carry_out("a change of masters", library_.committed(now_ms_, index, *servers));
      if (change_ && change_->stage == ChangeStage::Submitted && change_->target == index) {
        announce_configuration();
        effects_.emplace_back(ChangeDone{change_->change, index});
        change_.reset();
      }
    } else if (owes_barrier_) {
      owes_barrier_ = false;
      submit_barrier();
    } else {
      return;
    }
  }
}

// Rule 4: the library writes an entry into its new term only if some entry is not committed. It
// takes one always to know what is agreed on.
void RaftEngine::submit_barrier() {
  barrier_ = kRule4 ? last_index() : 1;
  if (!kRule4 || term_of(barrier_) == term()) return;
  ++barrier_;
  carry_out("opening a term",
            library_.submit(now_ms_, {{term(), raft::EntryType::Barrier,
                                       std::make_shared<const std::string>(8, '\0')}}));
}

void RaftEngine::finish() {
  settle();
  advance_change();
  settle();
  release_writes();
  submit_waiting();
  if (!running()) return;
  announce_configuration();
  serve_reads();
  want_snapshot();
  const RoleChanged now{role(), term(), leader(), ready()};
  if (now.role == announced_.role && now.term == announced_.term &&
      now.leader == announced_.leader && now.ready == announced_.ready) {
    return;
  }
  announced_ = now;
  effects_.emplace_back(now);
}

}  // namespace muster::failover
