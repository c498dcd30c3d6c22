// The half of raft_engine that asks for writes and hears that they are durable.
#include <algorithm>
#include <utility>

#include "failover/raft_engine.h"

namespace muster::failover {

void RaftEngine::save_vote(raft::Term term, MasterId voted_for) {
  vote_ticket_ = ++last_ticket_;
  writes_.push_back({.ticket = vote_ticket_});
  effects_.emplace_back(SaveVote{vote_ticket_, term, voted_for});
}

void RaftEngine::append(raft::Index first, std::vector<raft::Entry> entries) {
  log_.replace(first, entries);
  Write write{.ticket = ++last_ticket_, .kind = WriteKind::Entries, .first = first};
  for (const raft::Entry& entry : entries) write.terms.push_back(entry.term);
  writes_.push_back(std::move(write));
  effects_.emplace_back(AppendLog{last_ticket_, first, std::move(entries)});
}

void RaftEngine::begin_install() {
  log_.reset(incoming_.meta.index + 1);
  wanted_.reset();
  writes_.push_back({.ticket = ++last_ticket_,
                     .kind = WriteKind::Install,
                     .meta = incoming_.meta,
                     .data = incoming_.data});
  effects_.emplace_back(PutSnapshot{last_ticket_, incoming_.meta, incoming_.data, 0});
  incoming_ = {};
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
      case WriteKind::Entries: entries_durable(write); break;
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

void RaftEngine::own_snapshot_durable(const Write& write) {
  writing_snapshot_ = false;
  if (library_.installing() || write.meta.index <= snapshot_.index) return;  // overtaken
  snapshot_ = write.meta;
  snapshot_data_ = write.data;
  if (carry_out("keeping a snapshot",
                library_.snapshotted(now_ms_, write.meta,
                                     static_cast<unsigned>(options_.snapshot_trailing)))) {
    log_.drop_before(write.first);
  }
}

void RaftEngine::install_durable(const Write& write) {
  snapshot_ = write.meta;
  snapshot_data_ = write.data;
  applied_ = write.meta.index;
  effects_.emplace_back(Restore{write.meta.index, write.data});
  carry_out("installing a snapshot", library_.persisted_snapshot(now_ms_, write.meta));
}

void RaftEngine::want_snapshot() {
  if (wanted_ || writing_snapshot_ || library_.installing()) return;
  if (applied_ - snapshot_.index < options_.snapshot_threshold) return;
  wanted_ =
      raft::SnapshotMeta{applied_, term_of(applied_), library_.committed_configuration_index(),
                         library_.committed_configuration()};
  effects_.emplace_back(WantSnapshot{applied_});
}

void RaftEngine::provide_snapshot(raft::Index index, raft::Blob data, Instant now) {
  CHECK(data != nullptr);
  if (!running() || !wanted_ || wanted_->index != index) return;
  advance(now);
  const raft::SnapshotMeta meta = std::move(*wanted_);
  wanted_.reset();
  writing_snapshot_ = true;
  const raft::Index keep =
      index > options_.snapshot_trailing ? index - options_.snapshot_trailing + 1 : 1;
  writes_.push_back({.ticket = ++last_ticket_,
                     .kind = WriteKind::OwnSnapshot,
                     .first = keep,
                     .meta = meta,
                     .data = data});
  effects_.emplace_back(PutSnapshot{last_ticket_, meta, std::move(data), keep});
  finish();
}

}  // namespace muster::failover
