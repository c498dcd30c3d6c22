#include "failover/raft_reads.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/error.h"

namespace muster::failover {

void RaftReads::add(std::uint64_t id, raft::Index index) {
  CHECK(!full() && (reads_.empty() || reads_.back().index <= index));
  reads_.push_back({id, index, round_ + 1});
}

std::optional<std::uint64_t> RaftReads::next_round() {
  if (open_ || reads_.empty() || reads_.back().round <= round_) return std::nullopt;
  open_ = true;
  return ++round_;
}

bool RaftReads::has_echoed(MasterId voter) const {
  const auto found = echoed_.find(voter);
  return found != echoed_.end() && found->second == round_;
}

void RaftReads::on_echo(MasterId from, std::uint64_t round) {
  if (round > round_) return;
  std::uint64_t& newest = echoed_[from];
  newest = std::max(newest, round);
}

// The newest probe that more than half of the voters have echoed.
std::uint64_t RaftReads::quorum_round(const std::vector<raft::Server>& servers,
                                      MasterId self) const {
  std::vector<std::uint64_t> rounds;
  for (const raft::Server& server : servers) {
    if (!server.voter) continue;
    const auto echo = echoed_.find(server.id);
    rounds.push_back(server.id == self ? round_ : echo == echoed_.end() ? 0 : echo->second);
  }
  if (rounds.empty()) return 0;
  std::sort(rounds.begin(), rounds.end(), std::greater<>());
  return rounds[rounds.size() / 2];
}

std::vector<RaftReads::Read> RaftReads::take_ready(const std::vector<raft::Server>& servers,
                                                   MasterId self, raft::Index applied) {
  if (reads_.empty()) return {};
  const std::uint64_t quorum = quorum_round(servers, self);
  if (quorum == round_) open_ = false;
  std::vector<Read> out;
  while (!reads_.empty() && reads_.front().round <= quorum && reads_.front().index <= applied) {
    out.push_back(reads_.front());
    reads_.pop_front();
  }
  return out;
}

std::vector<RaftReads::Read> RaftReads::take_all() {
  open_ = false;
  echoed_.clear();
  const std::deque<Read> all = std::exchange(reads_, {});
  return {all.begin(), all.end()};
}

}  // namespace muster::failover
