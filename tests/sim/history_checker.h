// Is what clients were told true, as if there were one copy of the state?
//
// Every write has a place in the masters' log, and every read sees the log up to some index. That
// order is linearizable when whatever begins after another ended comes behind it (Herlihy, Wing,
// "Linearizability: a correctness condition for concurrent objects", TOPLAS 1990). Fed by a world;
// each call costs at most the logarithm of what it was told before.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/raft_types.h"
#include "network.h"
#include "violations.h"

namespace muster::sim {

class HistoryChecker {
 public:
  HistoryChecker(std::vector<NodeName> names, Violations& found)
      : names_(std::move(names)), found_(found) {}

  // --- writes: each is proposed once ---
  void write_began(std::uint64_t write) { writes_[write].floor = known_; }
  // A master applied it; `chain` is the hash of all commands up to it, `mine` that the client asked
  // this life of this master, which tells it now.
  void applied(HostId host, raft::Index index, raft::Term term, std::uint64_t write,
               std::uint64_t chain, bool mine, Instant now);
  // Unavailable, Exhausted: nothing was done, for ever. Unknown: who can say?
  void write_failed(HostId host, std::uint64_t write, Code code, Instant now);
  // A master took over a state up to `index`.
  void restored(HostId host, raft::Index index, std::uint64_t chain, Instant now);

  // --- reads ---
  void read_began(std::uint64_t read) { reads_[read] = known_; }
  void read_done(HostId host, std::uint64_t read, raft::Index state, Instant now);
  void read_failed(HostId host, std::uint64_t read, Instant now);

  // A master serves now: its state holds whatever was acknowledged up to its own term.
  void serves(HostId host, raft::Term term, raft::Index state, Instant now);
  // At the end: everybody has applied what was acknowledged.
  void ends(HostId host, raft::Index state, Instant now);

  [[nodiscard]] std::size_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::size_t reads() const { return reads_done_; }

 private:
  struct Write {
    raft::Index floor = 0;  // what clients knew when it began
    raft::Index index = 0;  // 0: not applied yet
    bool refused = false;
    bool answered = false;
  };
  void violated(HostId host, const std::string& rule, const std::string& text, Instant now);

  std::vector<NodeName> names_;
  Violations& found_;
  std::map<std::uint64_t, Write> writes_;
  std::map<raft::Index, std::uint64_t> chains_;        // by index
  std::map<std::uint64_t, raft::Index> reads_;         // floors of those under way
  std::map<raft::Term, raft::Index> acknowledged_in_;  // the newest of each term
  raft::Index known_ = 0;                              // the newest that any client knows of
  std::size_t acknowledged_ = 0;
  std::size_t reads_done_ = 0;
};

}  // namespace muster::sim
