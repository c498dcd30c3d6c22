// How do masters agree when nothing of an agent runs but its consensus?
//
// A world of RaftEngines alone, many more elections, crashes and snapshots in a virtual second than
// whole agents have. What one says to another may come late, twice, in another order or not at all:
// the engine relies on no stream. Nothing here reads a clock; the same seed gives the same trace.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "checkers.h"
#include "failover/raft_engine.h"
#include "history_checker.h"
#include "log_disk.h"
#include "network.h"
#include "timeline.h"
#include "trace.h"
#include "violations.h"

namespace muster::sim {

struct QuorumOptions {
  std::size_t masters = 3;  // that the cluster begins with: n1, n2, ...
  std::size_t spares = 0;   // hosts that may be made masters
  failover::RaftOptions raft;
  LinkQuality link;
  bool ordered = true;          // what one says to another keeps its order
  bool skewed_clocks = false;   // each host's runs at 80 to 125 % of the true rate
  std::size_t state_bytes = 0;  // of a snapshot, at least
};

// How often something happened, in all lives.
struct QuorumCounts {
  std::size_t elections = 0;
  std::size_t crashes = 0;
  std::size_t snapshots = 0;  // own ones
  std::size_t installs = 0;   // of another's snapshot
  std::size_t changes = 0;    // of who is a master
};

class Quorum {
 public:
  Quorum(const QuorumOptions& options, std::uint64_t seed);
  Quorum(const Quorum&) = delete;
  Quorum& operator=(const Quorum&) = delete;

  // --- lives ---
  void start(HostId id);
  void crash(HostId id);     // a suffix of what it had asked its disk to keep is lost
  void alarm(HostId about);  // the others are told that its process is gone, true or not
  void freeze(HostId id);
  void thaw(HostId id);

  // --- what surrounds them ---
  [[nodiscard]] Network& network() { return network_; }
  void set_disk(HostId id, const DiskQuality& quality) { hosts_[id].disk = quality; }
  void fill_disk(HostId id, bool full) { hosts_[id].disk_full = full; }

  // --- time ---
  [[nodiscard]] Instant now() const { return time_.now(); }
  void at(Instant when, std::function<void()> what) { time_.at(when, std::move(what)); }
  void run_for(Duration time) { time_.run_until(now() + time); }

  // --- clients; nothing happens where no engine runs ---
  void propose(HostId id, std::size_t commands);
  void read(HostId id);
  void transfer(HostId id, HostId to);
  void change(HostId id, raft::ChangeKind kind, HostId whom);

  // --- questions ---
  [[nodiscard]] std::size_t size() const { return hosts_.size(); }
  [[nodiscard]] bool alive(HostId id) const { return hosts_[id].engine != nullptr; }
  [[nodiscard]] bool frozen(HostId id) const { return hosts_[id].frozen; }
  // Null: it does not run.
  [[nodiscard]] const failover::RaftEngine* engine(HostId id) const {
    return hosts_[id].engine.get();
  }
  // The leader of the highest term that takes proposals.
  [[nodiscard]] std::optional<HostId> leader() const;
  [[nodiscard]] std::vector<HostId> leaders() const;  // all that believe to be one
  // Who is a master by what that host knows, with whether it votes.
  [[nodiscard]] std::map<HostId, bool> masters(HostId id) const;
  // What the masters of the leader's configuration do not agree on; empty: nothing.
  [[nodiscard]] std::string disagreement() const;
  // Everybody knows what was acknowledged, or that is a violation. Pre: no disagreement().
  void check_end();

  [[nodiscard]] std::uint64_t trace_hash() const { return trace_hash_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] const QuorumCounts& counts() const { return counts_; }
  [[nodiscard]] const Violations& violations() const { return violations_; }
  [[nodiscard]] const HistoryChecker& history() const { return history_; }
  [[nodiscard]] const ConsensusChecker& consensus() const { return consensus_; }
  [[nodiscard]] Trace& trace() { return trace_; }

 private:
  struct State {  // of the replicated state machine: a hash chain over the commands
    raft::Index index = 0;
    std::uint64_t chain = kFnvOffset;
  };
  struct Host {
    std::unique_ptr<failover::RaftEngine> engine;
    std::uint64_t life = 0;
    LogDisk log;
    DiskQuality disk;
    bool disk_full = false;
    bool frozen = false;
    MasterId master = 0;   // a new one whenever it joins with an empty disk
    bool founder = false;  // begins the cluster when its disk is empty; others join one
    std::deque<std::function<void()>> waiting;  // while it is frozen
    Instant timer = kNever;                     // global
    std::int64_t rate = 100;                    // percent of the true rate
    Duration boot_time{};
    State state;
    bool ready = false;  // as announced
    raft::Role role = raft::Role::Follower;
  };

  [[nodiscard]] Instant local(const Host& host) const;
  [[nodiscard]] Instant global(const Host& host, Instant local_time) const;
  [[nodiscard]] std::vector<raft::Server> founders() const;
  [[nodiscard]] HostId id_of(MasterId master) const { return ids_.at(master); }
  // Happens to the process that runs there now, once it is not frozen.
  void reach(HostId id, std::uint64_t life, std::function<void()> what);
  void settle(HostId id);
  void arm(HostId id);
  void fire(HostId id);
  void note(HostId id, std::uint64_t what);
  void tell(HostId id, const std::string& what);
  void join_anew(HostId id);
  void begin_batch(HostId id);
  void end_batch(HostId id);
  void deliver(HostId from, HostId to, const raft::Message& message);

  void act(HostId id, failover::SaveVote& effect);
  void act(HostId id, failover::AppendLog& effect);
  void act(HostId id, failover::PutSnapshot& effect);
  void act(HostId id, failover::SendRaft& effect);
  void act(HostId id, failover::Applied& effect);
  void act(HostId id, failover::Restore& effect);
  void act(HostId id, failover::WantSnapshot& effect);
  void act(HostId id, failover::RoleChanged& effect);
  void act(HostId id, failover::ProposalFailed& effect);
  void act(HostId id, failover::ConfigurationChanged& effect);
  void act(HostId id, failover::ChangeDone& effect);
  void act(HostId id, failover::ChangeFailed& effect);
  void act(HostId id, failover::ReadReady& effect);
  void act(HostId id, failover::ReadFailed& effect);
  void act(HostId id, failover::EngineFailed& effect);

  QuorumOptions options_;
  Rng rng_;
  Timeline time_;
  std::vector<NodeName> names_;
  std::map<MasterId, HostId> ids_;  // the former ones, too
  std::vector<Host> hosts_;
  Network network_;
  std::map<std::pair<HostId, HostId>, Instant> last_arrival_;
  std::uint64_t last_request_ = 0;
  QuorumCounts counts_;
  std::uint64_t trace_hash_ = kFnvOffset;
  std::uint64_t events_ = 0;
  Violations violations_;
  ConsensusChecker consensus_;
  HistoryChecker history_;
  Trace trace_;
};

}  // namespace muster::sim
