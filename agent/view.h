// What may other threads see of an agent?
//
// One immutable copy, published by the control thread after every batch that changed something.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/cluster_state.h"
#include "base/gossip.h"
#include "base/raft_types.h"
#include "base/time.h"

namespace muster::agent {

struct MemberView {
  NodeName name;
  gossip::MemberState state = gossip::MemberState::Alive;
  std::uint64_t incarnation = 0;
  Address gossip;
  gossip::Meta meta;
  WallTime since{};  // of the state, by this agent's clock
};

struct MasterView {  // only on masters
  raft::Role role = raft::Role::Follower;
  raft::Term term = 0;
  raft::Index commit = 0;
  raft::Index applied = 0;
  bool has_leader = false;  // false: reads are stale and writes are refused
  bool coordinating = false;
  bool disk_failing = false;
  std::size_t agents = 0;                     // registered here
  std::shared_ptr<const ClusterState> state;  // never null
};

struct InstanceView {  // what this agent runs itself
  InstanceStatus status;
  std::string workload;
  std::string log_path;
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
  std::int64_t lease_remaining_ms = 0;
  std::map<NodeName, MemberView> members;
  std::map<InstanceId, InstanceView> instances;
  std::shared_ptr<const MasterView> master;  // null on agents that are not masters
};

}  // namespace muster::agent
