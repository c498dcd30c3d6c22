// How does a snapshot get from one master to another, whatever its size?
//
// Cores, used by raft_engine: in chunks, so that heartbeats pass between them, with a small window
// and the offset that the receiver holds in every answer: what was lost is sent again from there,
// over the next stream too. A new leader or another snapshot begins anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/raft_types.h"

namespace muster::failover {

inline constexpr std::size_t kSnapshotChunkBytes = std::size_t{1} << 20;
inline constexpr std::uint64_t kSnapshotBytesMax = std::uint64_t{1} << 30;

class SnapshotSender {
 public:
  using Millis = std::uint64_t;

  // Pre: data is not null and not longer than kSnapshotBytesMax.
  SnapshotSender(raft::SnapshotMeta meta, raft::Blob data, Millis now);

  [[nodiscard]] const raft::SnapshotMeta& meta() const { return meta_; }
  [[nodiscard]] std::uint64_t total() const { return data_->size(); }
  [[nodiscard]] std::uint64_t offset() const { return offset_of(acked_); }  // the receiver holds
  // What may be sent now. After a time without an answer that is what was sent last, again.
  [[nodiscard]] std::vector<raft::SnapshotChunk> take(raft::Term term, Millis now);
  // The receiver holds so much. Less than before: it has started anew.
  void on_ack(std::uint64_t offset, Millis now);
  // The snapshot is asked for though the receiver held all of it: ask what it holds now.
  void ask_again(Millis now);
  // When take() may have something without an answer; never, when nothing is under way.
  [[nodiscard]] Millis retry_at() const;
  [[nodiscard]] Millis last_progress() const { return progress_; }

 private:
  [[nodiscard]] std::uint64_t offset_of(std::size_t chunk) const;
  [[nodiscard]] std::uint64_t checksum_to(std::size_t chunk);

  raft::SnapshotMeta meta_;
  raft::Blob data_;
  std::size_t chunks_;  // at least one
  std::size_t acked_ = 0;
  std::size_t sent_ = 0;
  std::vector<std::uint64_t> checksums_;  // of all bytes up to the end of each chunk so far
  Millis last_;                           // that something was sent or answered
  Millis progress_;
  Millis retry_;
};

class SnapshotReceiver {
 public:
  // Returns how much is held now, which is to be answered. Pre: the chunk was checked
  // (raft_check.h), `from` leads in the chunk's term, which is the own one.
  [[nodiscard]] std::uint64_t take(MasterId from, const raft::SnapshotChunk& chunk);
  // The whole, once it is there; it is not held any more then.
  [[nodiscard]] std::optional<raft::InstallSnapshot> take_whole();
  void drop();
  [[nodiscard]] bool empty() const { return from_ == 0; }

 private:
  MasterId from_ = 0;  // 0: nothing is held
  raft::Term term_ = 0;
  raft::SnapshotMeta meta_;
  std::uint64_t total_ = 0;
  std::uint64_t checksum_ = kFnvOffset;
  std::string bytes_;
  bool whole_ = false;
};

}  // namespace muster::failover
