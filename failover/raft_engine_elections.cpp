// The part of raft_engine that knows why elections begin, and begins some itself.
#include <string>
#include <utility>

#include "failover/raft_engine.h"
#include "failover/raft_millis.h"

namespace muster::failover {
namespace {

// Enough for a vote to get onto a slow disk and to the others, who then do not stand themselves:
// two that stand at once split the votes, and that costs an election timeout.
constexpr std::uint64_t kTurnMs = 200;

}  // namespace

void RaftEngine::leader_gone(MasterId leader, Instant now) {
  if (!running()) return;
  advance(now);
  if (role() != raft::Role::Follower || leader == 0 || this->leader() != leader || succession_) {
    return;
  }
  // One after the other in the order of the configuration: who stands at once splits the votes.
  std::uint64_t turn = 0;
  for (const raft::Server& server : library_.configuration()) {
    if (!server.voter || server.id == leader) continue;
    if (server.id == self_) {
      succession_ = {leader, term(), now_ms_ + turn * kTurnMs};
      break;
    }
    ++turn;
  }
  succeed();
  finish();
}

void RaftEngine::succeed() {
  if (!succession_ || !running()) return;
  const bool still = role() == raft::Role::Follower && leader() == succession_->leader &&
                     term() == succession_->term;
  if (still && now_ms_ < succession_->at_ms) return;
  const MasterId gone = std::exchange(succession_, std::nullopt)->leader;
  if (!still) return;
  feed(gone, address_of(gone), raft::TimeoutNow{term(), last_index(), term_of(last_index())});
  if (role() == raft::Role::Follower) return;
  election_reason_ =
      "this master stood for election: the coordinator's process was gone, nobody listened there";
}

void RaftEngine::note_vote(MasterId from, const raft::RequestVote& vote) {
  if (vote.pre_vote || vote.term <= term()) return;
  const std::string who = address_of(from);
  election_reason_ = "the master at " + (who.empty() ? std::to_string(from) : who);
  election_reason_ += " stood for election in term " + std::to_string(vote.term);
  if (vote.disrupt_leader) election_reason_ += ", as the coordinator asked it to";
}

void RaftEngine::note_timeout(raft::Role before) {
  const auto ago = [this](std::uint64_t then) { return std::to_string(now_ms_ - then) + " ms"; };
  if (before == raft::Role::Leader && role() != before) {
    election_reason_ = "this master gave its office up: no quorum answered it for " +
                       std::to_string(to_ms(options_.election_timeout)) + " ms";
  } else if (before == raft::Role::Candidate && role() == before) {
    election_reason_ = "this master stood for election again: no majority in time";
  } else if (before == raft::Role::Follower && role() != before) {
    election_reason_ =
        leader_heard_ms_ == 0
            ? "this master stood for election: it has heard of no coordinator in the " +
                  ago(started_ms_) + " since its start"
            : "this master stood for election: it had not heard the coordinator for " +
                  ago(leader_heard_ms_);
  }
}

}  // namespace muster::failover
