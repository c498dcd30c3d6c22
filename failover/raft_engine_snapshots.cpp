// The part of raft_engine that keeps, sends and installs snapshots.
#include <algorithm>
#include <utility>

#include "failover/raft_engine.h"
#include "failover/raft_millis.h"
#include "failover/raft_rules.h"

namespace muster::failover {
namespace {

// A follower that gets a snapshot needs the entries behind it: for so many bytes of them the next
// snapshot waits.
constexpr std::size_t kHeldBytesMax = std::size_t{256} << 20;
// A snapshot is due when the log since the last one is a quarter of its size, so that writing them
// costs no more than five times what is written anyway; or when the log has so many thresholds.
constexpr std::uint64_t kShare = 4;
constexpr std::uint64_t kThresholdsMax = 64;

}  // namespace

// --- own ones ---------------------------------------------------------------------------------

void RaftEngine::own_snapshot_durable(const Write& write) {
  writing_snapshot_ = false;
  if (library_.installing() || write.meta.index <= snapshot_.index) return;  // overtaken
  snapshot_ = write.meta;
  snapshot_data_ = write.data;
  kept_bytes_ = wanted_bytes_;
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
  kept_bytes_ = applied_bytes_;
  effects_.emplace_back(Restore{write.meta.index, write.data});
  carry_out("installing a snapshot", library_.persisted_snapshot(now_ms_, write.meta));
}

void RaftEngine::want_snapshot() {
  if (wanted_ || writing_snapshot_ || library_.installing()) return;
  const raft::Index fresh = applied_ - snapshot_.index;
  if (fresh < options_.snapshot_threshold || holds_for_transfer()) return;
  const std::size_t size = snapshot_data_ ? snapshot_data_->size() : 0;
  if ((applied_bytes_ - kept_bytes_) * kShare < size &&
      fresh < kThresholdsMax * options_.snapshot_threshold) {
    return;
  }
  // A configuration that is known to be committed and not applied yet is none of this state.
  if (library_.committed_configuration_index() > applied_) return;
  wanted_bytes_ = applied_bytes_;
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

// --- from a leader ----------------------------------------------------------------------------

void RaftEngine::receive_chunk(MasterId from, const std::string& address,
                               const raft::SnapshotChunk& chunk) {
  const raft::SnapshotMeta& meta = chunk.meta;
  const bool have_it = snapshot_.index >= meta.index || term_of(meta.index) == meta.term;
  if (!have_it && meta.index <= commit_index()) return;  // would undo what is committed
  // A chunk is a heartbeat too: those proper may be long behind it.
  receive_append(from, address, {chunk.term, meta.index, meta.term, 0, {}});
  if (!running() || chunk.term != term() || leader() != from) return;
  if (library_.installing() ? is_installing(meta.index) : have_it) {
    receiver_.drop();
    send(from, address, raft::SnapshotAck{term(), meta.index, chunk.total});
  } else if (!library_.installing() || !kRule5) {
    received_ms_ = now_ms_;
    const std::uint64_t offset = receiver_.take(from, chunk);
    send(from, address, raft::SnapshotAck{term(), meta.index, offset});
    if (auto whole = receiver_.take_whole()) receive_install(from, address, std::move(*whole));
  }
  flush_outbox();
}

bool RaftEngine::is_installing(raft::Index index) const {
  return std::any_of(writes_.begin(), writes_.end(), [index](const Write& write) {
    return write.kind == WriteKind::Install && write.meta.index == index;
  });
}

// Rule 5 is receive_chunk()'s: the library leaks a second one while the first is written.
void RaftEngine::receive_install(MasterId from, const std::string& address,
                                 raft::InstallSnapshot install) {
  if (kRule9 && install.term < term()) return tell_term(from, address);
  incoming_ = install;
  feed(from, address, std::move(install));
  incoming_ = {};  // nothing, if the library took it
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

// --- to a follower ----------------------------------------------------------------------------

// The library says so again and again until the follower has it.
void RaftEngine::start_transfer(MasterId to) {
  if (snapshot_data_ == nullptr || snapshot_data_->size() > kSnapshotBytesMax) return;
  const auto found = transfers_.find(to);
  if (found == transfers_.end()) {
    const auto fresh = transfers_.emplace(to, SnapshotSender(snapshot_, snapshot_data_, now_ms_));
    send_chunks(to, fresh.first->second);
  } else if (found->second.meta().index + 1 < log_.first()) {  // leads nowhere any more
    found->second = SnapshotSender(snapshot_, snapshot_data_, now_ms_);
    send_chunks(to, found->second);
  } else {
    found->second.ask_again(now_ms_);
    send_chunks(to, found->second);
  }
}

void RaftEngine::send_chunks(MasterId to, SnapshotSender& transfer) {
  const std::string address = address_of(to);
  for (raft::SnapshotChunk& chunk : transfer.take(term(), now_ms_)) {
    send(to, address, std::move(chunk));
  }
}

void RaftEngine::receive_snapshot_ack(MasterId from, const raft::SnapshotAck& ack) {
  if (ack.term != term() || role() != raft::Role::Leader) return;
  heard_ms_[from] = now_ms_;
  const auto found = transfers_.find(from);
  if (found == transfers_.end() || found->second.meta().index != ack.index) return;
  found->second.on_ack(ack.offset, now_ms_);
  send_chunks(from, found->second);
  flush_outbox();
}

// Ends those that are over, and sends again what got no answer.
void RaftEngine::advance_transfers() {
  for (auto it = transfers_.begin(); it != transfers_.end();) {
    const bool given_up = now_ms_ - it->second.last_progress() >= to_ms(options_.install_timeout);
    if (given_up || !library_.knows(it->first) ||
        library_.match_index(it->first) >= it->second.meta().index) {
      it = transfers_.erase(it);
      continue;
    }
    send_chunks(it->first, it->second);
    ++it;
  }
  if (!receiver_.empty() && now_ms_ - received_ms_ >= to_ms(options_.install_timeout)) {
    receiver_.drop();
  }
  flush_outbox();
}

bool RaftEngine::holds_for_transfer() const {
  return !transfers_.empty() && log_.bytes() < kHeldBytesMax;
}

}  // namespace muster::failover
