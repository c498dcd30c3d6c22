// The part of raft_engine that changes who the masters are, and knows how they do.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "failover/raft_changes.h"
#include "failover/raft_engine.h"
#include "failover/raft_millis.h"
#include "failover/raft_rules.h"

namespace muster::failover {

// --- changes ----------------------------------------------------------------------------------

Status RaftEngine::change(const raft::Change& change, Instant now) {
  advance(now);
  const std::vector<raft::Server> servers = library_.configuration();
  const std::string what = "cannot " + describe(servers, change) + ": ";
  // Before its barrier is applied a leader may hold a change of an earlier one that is not agreed
  // on; two such at once have quorums without a master in common.
  if (!ready()) {
    return fail(Code::Unavailable,
                what + "this master is not the coordinator, or becomes it or hands over just now");
  }
  if (change_) {
    return fail(Code::Conflict, what + "to " + describe(servers, change_->change) +
                                    " is under way, and one changes at a time");
  }
  Result<std::vector<raft::Server>> next = next_configuration(servers, change);
  if (!next) return tl::unexpected(next.error());
  // Who was elected just now has not heard everybody who is there.
  const std::uint64_t hears_until = leads_since_ms_ + to_ms(options_.election_timeout);
  // Whoever is to get a vote catches up first: it is looked at then.
  const bool promotes = change.kind == raft::ChangeKind::Promote;
  const Status quorum = promotes ? Status{} : check_quorum_of(*next, change);
  if (!quorum && now_ms_ >= hears_until) return quorum;
  change_ = PendingChange{change, ChangeStage::Hearing, 0, now_ms_, hears_until};
  if (quorum) {
    if (Status begun = begin_change(now); !begun) {
      change_.reset();
      return begun;
    }
  }
  finish();
  return {};
}

Status RaftEngine::begin_change(Instant now) {
  const raft::Change change = change_->change;
  if (change.kind == raft::ChangeKind::Remove && change.server.id == self_) {
    change_->stage = ChangeStage::HandOver;
    return transfer(0, now);
  }
  change_->stage = ChangeStage::CatchUp;
  change_->target = last_index();
  change_->round_ms = now_ms_;
  change_->until_ms = now_ms_ + to_ms(options_.catch_up_timeout);
  if (change.kind != raft::ChangeKind::Promote) submit_change();
  return {};
}

// A change that is agreed on by those who are left must leave somebody to agree on the next thing.
Status RaftEngine::check_quorum_of(const std::vector<raft::Server>& servers,
                                   const raft::Change& change) const {
  std::size_t voters = 0;
  std::size_t heard = 0;
  for (const raft::Server& server : servers) {
    if (!server.voter) continue;
    ++voters;
    // Who does not know yet that it has a vote gives none: were this change known to some and not
    // agreed on, nobody might ever be elected again. That goes for the promoted one as well, but
    // for the second master, who knows before the first has it on its disk (rule 10).
    const bool promoted = server.id == change.server.id;
    const bool second = promoted && is_only_voter();
    const bool informed =
        library_.match_index(server.id) >= library_.committed_configuration_index();
    if (server.id == self_ || second || (!promoted && is_heard(server.id) && informed)) ++heard;
  }
  if (heard > voters / 2) return {};
  return fail(Code::Unavailable,
              "cannot " + describe(servers, change) + ": of the " + std::to_string(voters) +
                  " masters with a vote afterwards " + std::to_string(heard) +
                  " are heard from and know who the masters are, which is no quorum: remove those "
                  "that are gone first");
}

// A server has caught up when it got what the log held within an election timeout: then what it
// lacks does not hold a quorum up for longer (Ongaro 2014, 4.2.1).
void RaftEngine::advance_change() {
  if (!change_ || !running()) return;
  if (change_->stage == ChangeStage::Hearing) return hear_quorum();
  if (change_->stage == ChangeStage::HandOver) {
    if (!library_.transferring()) end_change(Code::Timeout, "nobody took the office over in time");
    return;
  }
  if (change_->stage == ChangeStage::Submitted) return;
  const raft::Index match = library_.match_index(change_->change.server.id);
  Status may =
      fail(Code::Timeout, "it has not caught up in time: it has the log up to entry " +
                              std::to_string(match) + " of " + std::to_string(last_index()));
  if (match >= change_->target) {
    if (match >= last_index() || now_ms_ - change_->round_ms < to_ms(options_.election_timeout)) {
      may = may_promote();
      if (may) return submit_change();
    }
    change_->target = last_index();
    change_->round_ms = now_ms_;
  }
  if (now_ms_ >= change_->until_ms) end_change(may.error().code, may.error().text);
}

// The others alone are a quorum of those afterwards: else it is waited for them.
Status RaftEngine::may_promote() const {
  const Result<std::vector<raft::Server>> next =
      next_configuration(library_.configuration(), change_->change);
  if (!next) return tl::unexpected(next.error());
  return check_quorum_of(*next, change_->change);
}

void RaftEngine::hear_quorum() {
  if (library_.transferring()) return;  // that ends, in office or not
  const Result<std::vector<raft::Server>> next =
      next_configuration(library_.configuration(), change_->change);
  if (!next) return end_change(next.error().code, next.error().text);
  Status begun = check_quorum_of(*next, change_->change);
  if (!begun && now_ms_ < change_->until_ms) return;
  if (begun) begun = begin_change(to_instant(now_ms_));
  if (!begun) end_change(begun.error().code, begun.error().text);
}

void RaftEngine::submit_change() {
  if (library_.transferring()) return;
  const Result<std::vector<raft::Server>> next =
      next_configuration(library_.configuration(), change_->change);
  if (!next) return end_change(next.error().code, next.error().text);
  const raft::Index index = last_index() + 1;
  const bool second = change_->change.kind == raft::ChangeKind::Promote && is_only_voter();
  Result<LibraryUpdate> step = library_.submit(
      now_ms_, {{term(), raft::EntryType::Change,
                 std::make_shared<const std::string>(encode_configuration(*next))}});
  if (!step) return end_change(step.error().code, step.error().text);
  change_->stage = ChangeStage::Submitted;
  change_->target = index;
  if (kRule10 && second) awaited_ = {change_->change.server.id, index};
  carry_out(std::move(*step));
}

bool RaftEngine::is_only_voter() const {
  const std::vector<raft::Server> servers = library_.configuration();
  return std::count_if(servers.begin(), servers.end(),
                       [](const raft::Server& server) { return server.voter; }) == 1;
}

void RaftEngine::hold_writes() {
  std::vector<RaftEffect> others;
  for (RaftEffect& effect : effects_) {
    const bool write = std::holds_alternative<SaveVote>(effect) ||
                       std::holds_alternative<AppendLog>(effect) ||
                       std::holds_alternative<PutSnapshot>(effect);
    (write ? held_ : others).push_back(std::move(effect));
  }
  effects_ = std::move(others);
}

// If it is not heard of any more, the promotion is given up with this process: the disk has no word
// of it, and whoever is the only voter by its disk leads again when it starts.
void RaftEngine::release_writes() {
  if (!awaited_ || !running()) return;
  if (role() != raft::Role::Leader) {
    return stop("promoting a second master",
                {Code::Unavailable, "it did not answer, and nothing of it was kept"});
  }
  if (library_.match_index(awaited_->server) < awaited_->index) return;
  awaited_.reset();
  effects_.insert(effects_.begin(), std::make_move_iterator(held_.begin()),
                  std::make_move_iterator(held_.end()));
  held_.clear();
}

void RaftEngine::end_change(Code code, const std::string& why) {
  if (!change_) return;
  const PendingChange ended = *std::exchange(change_, std::nullopt);
  if (ended.stage == ChangeStage::Submitted) code = Code::Unknown;
  std::string text = "could not " + describe(library_.configuration(), ended.change) + ": " + why;
  text += ended.stage == ChangeStage::Submitted
              ? "; whether it comes about yet the list of masters tells"
              : "; retry at the coordinator";
  effects_.emplace_back(ChangeFailed{ended.change, {code, std::move(text)}});
}

void RaftEngine::announce_configuration() {
  const std::pair<raft::Index, bool> now{configuration_index(),
                                         library_.uncommitted_configuration_index() == 0};
  if (now == announced_configuration_) return;
  announced_configuration_ = now;
  effects_.emplace_back(ConfigurationChanged{now.first, now.second, library_.configuration()});
}

// --- how the others do ------------------------------------------------------------------------

bool RaftEngine::is_heard(MasterId id) const {
  const auto heard = heard_ms_.find(id);
  return heard != heard_ms_.end() && now_ms_ - heard->second < to_ms(options_.election_timeout);
}

MasterId RaftEngine::best_voter() const {
  MasterId best = 0;
  for (const raft::Server& server : library_.configuration()) {
    if (server.id == self_ || !server.voter || !is_heard(server.id)) continue;
    if (best == 0 || library_.match_index(server.id) > library_.match_index(best)) best = server.id;
  }
  return best;
}

std::vector<Progress> RaftEngine::progress() const {
  std::vector<Progress> out;
  if (!running() || role() != raft::Role::Leader) return out;
  for (const raft::Server& server : library_.configuration()) {
    Progress one{.id = server.id, .address = server.address, .voter = server.voter};
    one.match = server.id == self_ ? library_.last_stored() : library_.match_index(server.id);
    const auto heard = heard_ms_.find(server.id);
    if (server.id == self_) one.last_contact = to_instant(now_ms_);
    if (heard != heard_ms_.end()) one.last_contact = to_instant(heard->second);
    one.catching_up = server.id != self_ &&
                      (one.match == 0 || one.match + options_.max_inflight < commit_index());
    if (const auto sent = transfers_.find(server.id); sent != transfers_.end()) {
      one.catching_up = true;
      one.snapshot_offset = sent->second.offset();
      one.snapshot_total = sent->second.total();
    }
    out.push_back(std::move(one));
  }
  return out;
}

bool RaftEngine::is_behind() const {
  if (!running() || role() != raft::Role::Leader) return false;
  const std::vector<raft::Server> servers = library_.configuration();
  return std::any_of(servers.begin(), servers.end(), [this](const raft::Server& server) {
    return server.voter && server.id != self_ &&
           library_.match_index(server.id) > library_.last_stored();
  });
}

std::optional<Instant> RaftEngine::leader_contact() const {
  if (!running()) return std::nullopt;
  if (role() == raft::Role::Leader) return to_instant(now_ms_);
  if (leader_heard_ms_ == 0) return std::nullopt;
  return to_instant(leader_heard_ms_);
}

}  // namespace muster::failover
