// Which reads may be answered from the state as it is? (Ongaro 2014, 6.4: read index)
//
// A core, used by raft_engine while it leads. A leader does not know that it still is one; a
// quorum that answers a probe sent after a read came proves it for that moment. Reads that come
// while a probe is under way share the next one, so their number costs no messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/raft_types.h"

namespace muster::failover {

class RaftReads {
 public:
  struct Read {
    std::uint64_t id;
    raft::Index index;    // the state must have applied so much
    std::uint64_t round;  // and a quorum must have echoed this probe, or a later one
  };

  explicit RaftReads(std::size_t most) : most_(most) {}

  [[nodiscard]] bool empty() const { return reads_.empty(); }
  [[nodiscard]] bool full() const { return reads_.size() >= most_; }
  // Indexes never fall from call to call. Pre: !full().
  void add(std::uint64_t id, raft::Index index);
  // A new probe is to be sent with this round; nothing: none is needed, or one is under way.
  [[nodiscard]] std::optional<std::uint64_t> next_round();
  // The probe under way; 0: none.
  [[nodiscard]] std::uint64_t open_round() const { return open_ ? round_ : 0; }
  [[nodiscard]] bool has_echoed(MasterId voter) const;
  // A round that was never asked for is ignored.
  void on_echo(MasterId from, std::uint64_t round);
  // Removes and returns, oldest first, what a quorum of `servers` stands behind and what is
  // applied. `self` needs no echo.
  std::vector<Read> take_ready(const std::vector<raft::Server>& servers, MasterId self,
                               raft::Index applied);
  // Removes and returns all: nobody stands behind them any more.
  std::vector<Read> take_all();

 private:
  [[nodiscard]] std::uint64_t quorum_round(const std::vector<raft::Server>& servers,
                                           MasterId self) const;

  std::size_t most_;
  std::deque<Read> reads_;  // indexes and rounds rise
  std::uint64_t round_ = 0;
  bool open_ = false;
  std::map<MasterId, std::uint64_t> echoed_;
};

}  // namespace muster::failover
