// Do the masters agree, is nothing lost that was acknowledged, and does nothing run twice?
//
// Fed by the world at every event; each call costs constant time, spread over the events.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/master.h"
#include "failover/raft_engine.h"
#include "network.h"
#include "violations.h"

namespace muster::sim {

class ConsensusChecker {
 public:
  ConsensusChecker(std::vector<NodeName> names, Violations& found);

  // A master began with this on its disk.
  void started(HostId host, const raft::Stored& stored);
  // What it asked to be written, in the order of its decisions.
  void wrote(HostId host, const failover::AppendLog& append);
  void wrote(HostId host, const failover::PutSnapshot& snapshot, Instant now);
  // After every event of a master; of an engine without one.
  void happened(HostId host, const agent::Master& master, Instant now);
  void happened(HostId host, const failover::RaftEngine& engine, Instant now);
  // It knows that these masters are agreed on.
  void configured(HostId host, raft::Index index, const std::vector<raft::Server>& servers,
                  Instant now);
  void begins_anew(HostId host, MasterId as);  // after it was removed, with an empty disk
  // What it says to another master, and what its disk holds at that moment.
  void said(HostId host, HostId to, const raft::Message& message, const raft::Stored& durable,
            Instant now);
  // What a leader sends to a follower, and what arrives from it: by id, since one that began anew
  // is another follower, and its old life's last words may still be on their way.
  void replicates(HostId leader, MasterId to, const raft::Message& message, Instant now);
  void heard(HostId leader, MasterId from, const raft::Message& message);
  // A client was told that its write is done.
  void acknowledged(const std::string& request) {
    acknowledged_.emplace(request, leaders_.empty() ? 0 : leaders_.rbegin()->first);
  }
  // At the end of a run, for the coordinator's state.
  // Of a coordinator of this term: one that was frozen, and does not know yet that it was deposed,
  // need not know what later ones were told.
  void check_acknowledged(const ClusterState& state, HostId host, raft::Term term, Instant now);

  [[nodiscard]] raft::Index committed() const { return committed_.size(); }
  [[nodiscard]] std::size_t acknowledged() const { return acknowledged_.size(); }
  [[nodiscard]] std::size_t reigns() const { return leaders_.size(); }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    raft::Term term = 0;
  };
  struct Log {  // what a master believes to be in its log
    raft::Index first = 1;
    std::deque<Entry> entries;
    raft::Index compared = 0;  // up to here with what others committed
    raft::Index state = 0;     // the applied state that was compared last
    bool coordinating = false;
  };
  void leads(HostId host, raft::Term term, Instant now);
  // The entry with the masters that were agreed on up to `index`; 0: none is known.
  [[nodiscard]] raft::Index configuration_at(raft::Index index) const;
  void follows(HostId host, raft::Index applied, raft::Index configuration, Instant now);
  void serves(HostId host, raft::Term term, raft::Index commit, Instant now);
  void compare_committed(HostId host, raft::Index commit, Instant now);
  void refuses_known(HostId host, const raft::AppendEntriesResult& result,
                     const raft::Stored& durable, Instant now);
  void check_vote(HostId host, HostId to, raft::Term term, const raft::Stored& durable,
                  Instant now);
  void compare_state(HostId host, const ClusterState& state, Instant now);

  std::vector<NodeName> names_;
  std::map<MasterId, HostId> masters_;
  Violations& found_;
  std::map<HostId, Log> logs_;
  std::vector<std::uint64_t> committed_;          // hash by index - 1; 0: not seen yet
  std::map<raft::Index, std::uint64_t> applied_;  // digest of the state, by its index
  std::map<raft::Term, HostId> leaders_;
  std::map<raft::Index, std::vector<raft::Server>> configurations_;  // that are agreed on
  std::map<std::pair<HostId, raft::Term>, HostId> votes_;
  struct Confirmed {  // by a follower to a leader
    raft::Term term = 0;
    raft::Index last = 0;
  };
  std::map<std::pair<HostId, MasterId>, Confirmed> confirmed_;  // leader and follower
  std::map<std::string, raft::Term> acknowledged_;  // under the latest coordinator of that time
};

}  // namespace muster::sim
