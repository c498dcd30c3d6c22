// What may other threads see of an agent?
//
// One immutable copy, published by the control thread after every batch that changed something.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/command_kinds.h"
#include "base/cluster_state.h"
#include "base/gossip.h"
#include "base/raft_types.h"
#include "base/time.h"
#include "health/member_history.h"
#include "health/swim_types.h"

namespace muster::agent {

struct MemberView {
  NodeName name;
  gossip::MemberState state = gossip::MemberState::Alive;
  std::uint64_t incarnation = 0;
  Address gossip;
  gossip::Meta meta;
  Instant since{};   // of the state
  NodeName accuser;  // of a suspect or failed member
};
using MemberViews = std::map<NodeName, MemberView>;

struct ServerView {  // one master, as far as it is known here
  NodeName name;
  Address rpc;
  bool voter = false;
  bool leads = false;
  // What only the coordinator knows of the others; 0 and kNever where it does not.
  raft::Index match = 0;    // stored there for certain
  raft::Index applied = 0;  // by its own last word
  Instant last_contact = kNever;
  bool disk_failing = false;
  std::uint64_t snapshot_sent = 0;   // bytes of the snapshot that it is given now
  std::uint64_t snapshot_bytes = 0;  // 0: it is given none
};

struct RotationView {     // a change of what the cluster proves itself with
  std::string_view what;  // "authority" or "gossip key"
  std::string_view phase;
  std::vector<NodeName> waits_for;
  std::map<NodeName, std::string> why;  // of those who said what keeps them
};

struct Leaderless {    // a master that knows no leader
  WallTime since{};    // to a second
  Duration watched{};  // for so long it ran and knew none
  bool operator==(const Leaderless&) const = default;
};

struct MasterView {  // only on masters
  raft::Role role = raft::Role::Follower;
  raft::Term term = 0;
  raft::Index commit = 0;
  raft::Index applied = 0;
  std::array<std::uint64_t, kCommandKinds> commands{};  // applied since this agent's start, by kind
  bool has_leader = false;                   // false: reads are stale and writes are refused
  std::optional<WallTime> leaderless_since;  // nothing: it has one
  bool quorum_lost = false;                  // for as long as QuorumLost waits for
  bool coordinating = false;
  bool disk_failing = false;
  raft::Index last = 0;  // in this one's log, durable or not
  std::vector<ServerView> servers;
  std::string election;    // why the last election that this master saw began; empty: none yet
  std::size_t agents = 0;  // registered here
  std::vector<RotationView> rotations;        // under way; only the coordinator knows
  std::shared_ptr<const ClusterState> state;  // never null
};

struct InstanceView {  // what this agent runs itself
  InstanceStatus status;
  std::string workload;
  std::string log_path;
  std::uint64_t start_time = 0;  // of status.pid, in ticks since boot
};

struct View {
  std::string cluster;
  NodeInfo self;
  bool insecure = false;
  bool joined = false;         // it has exchanged tables with another member, or is alone by design
  bool registered = false;     // with the coordinator
  bool state_failing = false;  // it cannot write what it runs: it starts nothing new
  NodeName coordinator;        // empty: none known
  WallTime now{};
  WallAnchor clock;  // this agent's, for what is told in Instants
  std::int64_t lease_remaining_ms = 0;
  std::optional<WallTime> certificate_ends;  // this node's own; none in a plain cluster
  // How far the coordinator's wall clock is ahead of this one's; nothing: it is not known.
  std::optional<WallTime::duration> clock_offset;
  // Never null, and the same object for as long as nothing in it changes.
  std::shared_ptr<const MemberViews> members = std::make_shared<const MemberViews>();
  std::shared_ptr<const health::MemberEventsByName> history =
      std::make_shared<const health::MemberEventsByName>();
  health::SwimCounters gossip;       // since this agent's start
  std::uint64_t flaps = 0;           // likewise
  std::uint64_t member_changes = 0;  // likewise: rises whenever something in `members` changes
  int health_score = 0;              // 0 (well) to health::kHealthScoreMax
  std::map<InstanceId, InstanceView> instances;
  std::shared_ptr<const MasterView> master;  // null on agents that are not masters
};

}  // namespace muster::agent
