// The half of raft_engine that speaks with the other masters.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "failover/raft_check.h"
#include "failover/raft_engine.h"
#include "failover/raft_rules.h"

namespace muster::failover {
namespace {

// An AppendEntries is cut here, so that no number of large commands exceeds a frame.
constexpr std::size_t kAppendBytesMax = std::size_t{4} << 20;
constexpr std::uint16_t kFeatures = 1;       // as the library says in this version
constexpr std::uint16_t kCapacity = 0xffff;  // the store reports a full disk by itself

}  // namespace

// --- messages in ------------------------------------------------------------------------------

void RaftEngine::on_message(MasterId from, const std::string& address, const raft::Message& message,
                            Instant now) {
  if (!running()) return;
  advance(now);
  if (from == self_ || !is_message(from, message)) return;
  if (!library_.knows(from) && !may_say_unknown(message)) return;
  const std::string where = address.empty() ? address_of(from) : address;
  if (where.empty()) return;
  receive(from, where, message);
  finish();
}

std::string RaftEngine::address_of(MasterId id) const {
  for (const raft::Server& server : library_.configuration()) {
    if (server.id == id) return server.address;
  }
  return {};
}

bool RaftEngine::may_say_unknown(const raft::Message& message) const {
  if (std::holds_alternative<raft::RequestVote>(message)) {
    return library_.committed_configuration_index() != 0;  // before that there is no vote to give
  }
  return std::holds_alternative<raft::AppendEntries>(message) ||
         std::holds_alternative<raft::SnapshotChunk>(message) ||
         std::holds_alternative<raft::ReadProbe>(message);
}

void RaftEngine::receive(MasterId from, const std::string& address, const raft::Message& message) {
  if (const auto* append = std::get_if<raft::AppendEntries>(&message)) {
    receive_append(from, address, *append);
  } else if (const auto* chunk = std::get_if<raft::SnapshotChunk>(&message)) {
    receive_chunk(from, address, *chunk);
  } else if (const auto* ack = std::get_if<raft::SnapshotAck>(&message)) {
    receive_snapshot_ack(from, *ack);
  } else if (const auto* result = std::get_if<raft::AppendEntriesResult>(&message)) {
    receive_result(from, address, *result);
  } else if (const auto* voted = std::get_if<raft::RequestVoteResult>(&message)) {
    // Rule 3: the library reads what only a candidate has, whatever it is. And nobody grants more
    // than was asked for, which is at most the next term.
    if (kRule3 && role() != raft::Role::Candidate) return;
    if (voted->granted && voted->term > term() + 1) return;
    feed(from, address, *voted);
  } else if (const auto* probe = std::get_if<raft::ReadProbe>(&message)) {
    if (probe->term != term() || role() != raft::Role::Follower || leader() != from) return;
    send(from, address, raft::ReadEcho{probe->term, probe->round});
    flush_outbox();
  } else if (const auto* echo = std::get_if<raft::ReadEcho>(&message)) {
    if (echo->term != term() || role() != raft::Role::Leader) return;
    heard_ms_[from] = now_ms_;
    reads_.on_echo(from, echo->round);
  } else if (const auto* vote = std::get_if<raft::RequestVote>(&message)) {
    note_vote(from, *vote);
    feed(from, address, *vote);
  } else if (const auto* now = std::get_if<raft::TimeoutNow>(&message)) {
    const raft::Role before = role();
    feed(from, address, *now);
    if (role() == before) return;
    election_reason_ = "the master at " + address + " led and asked this one to take over";
  }
}

// A term has one leader. The library asserts that and does not survive a second one.
bool RaftEngine::is_forged(raft::Term term, MasterId from) const {
  return term == library_.term() && leader() != 0 && leader() != from;
}

// Rule 9: the library leaves what it confirms here to chance.
void RaftEngine::tell_term(MasterId from, const std::string& address) {
  send(from, address, raft::AppendEntriesResult{term(), 0, 0, kFeatures, kCapacity});
  flush_outbox();
}

void RaftEngine::receive_append(MasterId from, const std::string& address,
                                raft::AppendEntries append) {
  if (is_forged(append.term, from)) return;
  if (kRule9 && append.term < term()) return tell_term(from, address);
  // Rule 2: the library refuses what precedes its own snapshot. All of that is committed, hence
  // the same everywhere: what is left begins at the snapshot.
  if (kRule2 && !library_.installing() && append.prev_index < snapshot_.index &&
      term_of(append.prev_index) == 0) {
    const auto known =
        std::min<std::uint64_t>(snapshot_.index - append.prev_index, append.entries.size());
    append.entries.erase(append.entries.begin(),
                         append.entries.begin() + static_cast<std::ptrdiff_t>(known));
    append.prev_index = snapshot_.index;
    append.prev_term = snapshot_.term;
    if (!append.entries.empty() && append.entries.front().term < snapshot_.term) return;
  }
  // Rule 1: the library takes the index of the first new entry for that of every configuration
  // in a message. So each configuration begins a message of its own.
  std::size_t begin = 0;
  do {
    std::size_t end = std::min(begin + 1, append.entries.size());
    while (end < append.entries.size() &&
           (!kRule1 || append.entries[end].type != raft::EntryType::Change)) {
      ++end;
    }
    raft::AppendEntries part{
        append.term, append.prev_index + begin, append.prev_term, append.leader_commit, {}};
    if (begin > 0) {
      part.prev_term = append.entries[begin - 1].term;
      if (term_of(part.prev_index) != part.prev_term) return;  // the part before was refused
    }
    if (begin == 0 && end == append.entries.size()) {
      part.entries = std::exchange(append.entries, {});
    } else {
      part.entries.assign(append.entries.begin() + static_cast<std::ptrdiff_t>(begin),
                          append.entries.begin() + static_cast<std::ptrdiff_t>(end));
    }
    // Rule 8: a leader writes a configuration only when the one before it is agreed on.
    if (kRule8 && !part.entries.empty() && part.entries[0].type == raft::EntryType::Change &&
        part.leader_commit > commit_index() && term_of(part.prev_index) == part.prev_term) {
      feed(from, address,
           raft::AppendEntries{part.term, part.prev_index, part.prev_term, part.leader_commit, {}});
      settle();
      if (!running()) return;
    }
    feed(from, address, std::move(part));
    settle();
    begin = end;
  } while (running() && begin < append.entries.size());
}

void RaftEngine::receive_result(MasterId from, const std::string& address,
                                const raft::AppendEntriesResult& result) {
  // Rule 6: what a follower has once confirmed in a term it does not refuse in that term, so this
  // is an old message. The library would go back before what is confirmed, and stay there.
  if (kRule6 && result.rejected != 0 && role() == raft::Role::Leader && result.term == term() &&
      result.rejected <= library_.match_index(from)) {
    return;
  }
  if (role() == raft::Role::Leader && result.term == term()) heard_ms_[from] = now_ms_;
  feed(from, address, result);
}

void RaftEngine::feed(MasterId from, const std::string& address, const LibraryBody& message) {
  Result<LibraryUpdate> step = library_.receive(now_ms_, from, address, message);
  if (!step) {
    stop("receiving from " + address, step.error());
    return;
  }
  raft::Term as_leader = 0;
  if (const auto* append = std::get_if<raft::AppendEntries>(&message)) as_leader = append->term;
  if (const auto* install = std::get_if<raft::InstallSnapshot>(&message)) as_leader = install->term;
  if (as_leader != 0 && as_leader == term() && role() == raft::Role::Follower) {
    leader_ = from;
    leader_term_ = as_leader;
    leader_heard_ms_ = now_ms_;
  }
  carry_out(std::move(*step));
}

// --- messages out -----------------------------------------------------------------------------

void RaftEngine::send(MasterId to, const std::string& address, raft::Message message) {
  outbox_.push_back({vote_ticket_, {to, address, std::move(message)}});
}

void RaftEngine::enqueue(LibraryMessage message) {
  if (std::holds_alternative<raft::AppendEntries>(message.message)) {
    enqueue_entries(message);
  } else if (auto* result = std::get_if<raft::AppendEntriesResult>(&message.message)) {
    send(message.to, message.address, *result);
  } else if (auto* voted = std::get_if<raft::RequestVoteResult>(&message.message)) {
    // Rule 7: a refusal for a lower term tells the higher one.
    if (kRule7 && voted->pre_vote && !voted->granted) voted->term = std::max(voted->term, term());
    send(message.to, message.address, *voted);
  } else if (auto* vote = std::get_if<raft::RequestVote>(&message.message)) {
    send(message.to, message.address, *vote);
  } else if (auto* now = std::get_if<raft::TimeoutNow>(&message.message)) {
    send(message.to, message.address, *now);
  } else {
    start_transfer(message.to);
  }
}

void RaftEngine::enqueue_entries(const LibraryMessage& message) {
  auto part = std::get<raft::AppendEntries>(message.message);
  raft::Index next = part.prev_index + 1;
  const raft::Index end = next + message.entries;
  do {
    part.entries.reserve(end - next);
    std::size_t bytes = 0;
    for (; next < end; ++next) {
      const raft::Entry* entry = log_.at(next);
      CHECK(entry != nullptr);  // the library's log is ours
      bytes += entry->data->size();
      if (!part.entries.empty() && bytes > kAppendBytesMax) break;
      part.entries.push_back(*entry);
    }
    raft::AppendEntries rest{part.term, next - 1, part.prev_term, part.leader_commit, {}};
    if (!part.entries.empty()) rest.prev_term = part.entries.back().term;
    send(message.to, message.address, std::exchange(part, std::move(rest)));
  } while (next < end);
}

void RaftEngine::flush_outbox() {
  while (!outbox_.empty() && outbox_.front().after <= durable_) {
    effects_.emplace_back(std::move(outbox_.front().message));
    outbox_.pop_front();
  }
}

}  // namespace muster::failover
