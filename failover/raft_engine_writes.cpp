// The half of raft_engine that asks for writes and hears that they are durable.
#include <algorithm>
#include <utility>

#include "failover/raft_engine.h"

namespace muster::failover {

void RaftEngine::save_vote(raft::Term term, MasterId voted_for) {
  vote_ticket_ = ++last_ticket_;
  writes_.push_back({.ticket = vote_ticket_});
  effects_.emplace_back(SaveVote{vote_ticket_, term, voted_for, self_});
}

void RaftEngine::append(raft::Index first, std::vector<raft::Entry> entries) {
  log_.replace(first, entries);
  ++open_appends_;
  Write write{.ticket = ++last_ticket_, .kind = WriteKind::Entries, .first = first};
  for (const raft::Entry& entry : entries) write.terms.push_back(entry.term);
  writes_.push_back(std::move(write));
  effects_.emplace_back(AppendLog{last_ticket_, first, std::move(entries)});
}

void RaftEngine::on_durable(std::uint64_t ticket, Instant now) {
  if (!running()) return;
  advance(now);
  while (running() && !writes_.empty() && writes_.front().ticket <= ticket) {
    const Write write = std::move(writes_.front());
    writes_.pop_front();
    durable_ = write.ticket;
    switch (write.kind) {
      case WriteKind::Vote: break;
      case WriteKind::Entries:
        --open_appends_;
        entries_durable(write);
        break;
      case WriteKind::OwnSnapshot: own_snapshot_durable(write); break;
      case WriteKind::Install: install_durable(write); break;
    }
    settle();
  }
  flush_outbox();
  finish();
}

void RaftEngine::entries_durable(const Write& write) {
  if (library_.installing()) return;  // they are no longer in the log
  raft::Index stored = write.first - 1;
  for (const raft::Term term : write.terms) {
    if (term_of(stored + 1) != term) break;  // overwritten since
    ++stored;
  }
  // A write behind this one that begins lower deletes first. Its entries may be the very same,
  // put back by yet another leader, but they hold only when that write does.
  for (const Write& later : writes_) {
    if (later.kind == WriteKind::Entries) stored = std::min(stored, later.first - 1);
  }
  if (stored < write.first || stored <= library_.last_stored()) return;
  carry_out("storing entries", library_.persisted_entries(now_ms_, stored));
}

}  // namespace muster::failover
