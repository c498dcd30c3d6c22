// Which entries of the log are in memory?
//
// A core: a window [first, last] of the log without gaps. Owned by raft_engine; not thread-safe.
// It never decides: conflicts and compaction are told to it.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/raft_types.h"

namespace muster::failover {

class EntryLog {
 public:
  // The index of the oldest entry, or of the next one when the window is empty.
  [[nodiscard]] raft::Index first() const { return first_; }
  [[nodiscard]] raft::Index last() const { return first_ + entries_.size() - 1; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }  // of all payloads in it
  // Null outside the window. Valid until the next change.
  [[nodiscard]] const raft::Entry* at(raft::Index index) const {
    return index >= first_ && index <= last() ? &entries_[index - first_] : nullptr;
  }

  // Removes everything from `first` on and appends. Pre: this leaves no gap.
  void replace(raft::Index first, const std::vector<raft::Entry>& entries) {
    CHECK(first >= first_ && first <= last() + 1);
    while (last() >= first) {
      bytes_ -= entries_.back().data->size();
      entries_.pop_back();
    }
    for (const raft::Entry& entry : entries) {
      bytes_ += entry.data->size();
      entries_.push_back(entry);
    }
  }
  // Forgets what is older than `keep`.
  void drop_before(raft::Index keep) {
    while (first_ < keep && !entries_.empty()) {
      bytes_ -= entries_.front().data->size();
      entries_.pop_front();
      ++first_;
    }
  }
  // Empties the window; the next entry will have index `first`.
  void reset(raft::Index first) {
    entries_.clear();
    bytes_ = 0;
    first_ = first;
  }

 private:
  raft::Index first_ = 1;
  std::size_t bytes_ = 0;
  std::deque<raft::Entry> entries_;
};

}  // namespace muster::failover
