// The part of raft_engine that answers linearizable reads.
#include <algorithm>
#include <string>

#include "failover/raft_engine.h"
#include "failover/raft_millis.h"

namespace muster::failover {

void RaftEngine::read(std::uint64_t id, Instant now) {
  advance(now);
  const auto refuse = [&](Code code, const std::string& why) {
    effects_.emplace_back(ReadFailed{id, {code, "cannot read: " + why}});
  };
  if (!running() || role() != raft::Role::Leader) {
    return refuse(Code::Unavailable, "this master is not the coordinator; retry there");
  }
  if (library_.transferring()) {
    return refuse(Code::Unavailable, "this master hands its office over; retry");
  }
  if (reads_.full()) return refuse(Code::Exhausted, "too many reads wait for a quorum; retry");
  // What was agreed on before this term is known to be so from the barrier on.
  reads_.add(id, std::max(commit_index(), barrier_));
  finish();
}

void RaftEngine::serve_reads() {
  if (reads_.empty() || role() != raft::Role::Leader) return;
  answer_reads();
  if (!reads_.next_round()) return;
  send_probes();
  answer_reads();  // an only voter is its own quorum
}

void RaftEngine::answer_reads() {
  for (const RaftReads::Read& read : reads_.take_ready(library_.configuration(), self_, applied_)) {
    effects_.emplace_back(ReadReady{read.id, read.index});
  }
}

void RaftEngine::send_probes() {
  probe_again_ms_ = now_ms_ + std::max<std::uint64_t>(1, to_ms(options_.heartbeat_interval));
  for (const raft::Server& server : library_.configuration()) {
    if (!server.voter || server.id == self_ || reads_.has_echoed(server.id)) continue;
    send(server.id, server.address, raft::ReadProbe{term(), reads_.open_round()});
  }
  flush_outbox();
}

void RaftEngine::fail_reads(const std::string& why) {
  for (const RaftReads::Read& read : reads_.take_all()) {
    effects_.emplace_back(
        ReadFailed{read.id, {Code::Unavailable, "cannot read: " + why + "; retry"}});
  }
}

}  // namespace muster::failover
