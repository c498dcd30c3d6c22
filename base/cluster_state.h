// What do the masters agree on? One plain, ordered, comparable struct.
//
// failover/commands.h: apply() is its only writer. Everything in it came through the log, so it is
// the same on every master at the same index. What changes often (heartbeats, metrics) is not here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/access.h"
#include "base/cow_list.h"
#include "base/cow_map.h"
#include "base/ids.h"
#include "base/key_value.h"
#include "base/remembered_requests.h"
#include "base/shared_map.h"
#include "base/time.h"
#include "base/workload.h"

namespace muster {

enum class NodeState { Alive, Failed, Left };
[[nodiscard]] std::string_view to_text(NodeState state);  // "alive", "failed", "left"

struct NodeInfo {  // what an agent says of itself when it registers
  NodeName name;
  std::string zone;
  std::map<std::string, std::string> labels;
  Resources capacity;
  Address gossip;
  Address rpc;
  Address http;
  std::string version;
  bool master = false;
  bool takes_workloads = true;
  std::string boot;  // of this agent process: random, new at every start
  bool operator==(const NodeInfo&) const = default;
};

struct NodeRecord {
  NodeInfo info;
  NodeState state = NodeState::Alive;
  WallTime since{};  // of the state
  bool operator==(const NodeRecord&) const = default;
};

struct WorkloadRecord {
  WorkloadSpec spec;
  std::uint64_t revision = 1;  // raised by every change of the spec
  WallTime applied_at{};
  bool operator==(const WorkloadRecord&) const = default;
};

// How one placed copy is, as its agent last said.
enum class Phase {
  Pending,   // placed, its agent has not answered yet
  Starting,  // told to start
  Running,   // its process runs, readiness has not passed
  Ready,     // its process runs and is ready
  Backoff,   // it ended or failed its liveness probe; a restart is due
  Done,      // it ended and its restart policy says that this is the end
  Stopping,  // SIGTERM sent
  Stopped,   // nothing runs any more
  Refused,   // it cannot run here: no such command, user, directory
};
[[nodiscard]] std::string_view to_text(Phase phase);  // "pending", "starting", ...

struct InstanceStatus {
  InstanceId instance = 0;
  Phase phase = Phase::Pending;
  std::int64_t pid = 0;        // 0: none
  std::uint32_t restarts = 0;  // by the agent, since it was placed
  WallTime at{};               // when the phase began, by the agent's clock
  std::string why;             // last exit or failure, for people
  bool operator==(const InstanceStatus&) const = default;
};

enum class Wanted { Run, Stop };

struct Placement {
  InstanceId instance = 0;
  std::string workload;
  std::uint64_t revision = 1;
  NodeName node;
  std::uint64_t token = 0;  // fencing token: monotonic over the cluster's life
  Wanted wanted = Wanted::Run;
  std::uint16_t port = 0;   // service port that it holds on its node; 0: none
  Resources resources;      // that it holds on its node
  bool lost = false;        // its node has failed; it may still run there
  InstanceId replaces = 0;  // the copy whose loss made this one necessary
  WallTime placed_at{};
  std::string reason;  // why this node
  InstanceStatus status;
  bool operator==(const Placement&) const = default;
};

// What happened, for people; newest last, bounded.
struct EventRecord {
  std::uint64_t sequence = 0;
  WallTime at{};
  std::string kind;     // "node-failed", "placed", "ready", ...: docs/OPERATIONS.md lists them
  std::string subject;  // "node/n3", "workload/web", "instance/17", "cluster"
  std::string text;
  bool operator==(const EventRecord&) const = default;
};
inline constexpr std::size_t kEventsMax = 1024;

// An alert that receivers were told of, so that the next coordinator can resolve it.
struct AlertRecord {
  std::map<std::string, std::string> labels;  // with alertname
  std::map<std::string, std::string> annotations;
  WallTime starts_at{};
  WallTime notified_at{};
  bool operator==(const AlertRecord&) const = default;
};

// Which alerts nobody wants to hear of for a while.
enum class MatchKind { Equal, NotEqual, Like, NotLike };  // Like: * stands for any text
[[nodiscard]] std::string_view to_text(MatchKind kind);   // "==", "!=", "~", "!~"
struct Matcher {
  std::string label;
  MatchKind kind = MatchKind::Equal;
  std::string value;
  bool operator==(const Matcher&) const = default;
};
struct SilenceRecord {
  std::vector<Matcher> matchers;  // all must match; a label that is missing is empty
  WallTime starts{};
  WallTime ends{};
  std::string created_by;
  std::string comment;
  bool operator==(const SilenceRecord&) const = default;
};

// The newest format of the state, and of the commands that lead to it, that is read. 1: before
// keys, leases, identity; 2: before users' certificates.
inline constexpr std::uint32_t kStateVersion = 3;
// Of every command whose kind is not newer, so that older masters go on beside newer ones.
inline constexpr std::uint32_t kCommandVersion = 2;

// Copying it costs some pointers, whatever is in it.
struct ClusterState {
  std::uint32_t version = 1;  // the highest of the commands that were applied
  std::uint64_t index = 0;    // of the last applied command
  std::string id;             // of the cluster: random, for ever; empty: not formed yet
  NodeName coordinator;       // the last elected
  std::uint64_t term = 0;     // of its election
  SharedMap<NodeName, MasterRecord> masters;
  SharedMap<NodeName, NodeRecord> nodes;
  SharedMap<std::string, WorkloadRecord> workloads;
  SharedMap<InstanceId, Placement> placements;
  SharedMap<std::string, std::vector<std::string>> unplaceable;  // workload -> "node: reason"
  SharedMap<std::string, AlertRecord> alerts;                    // by fingerprint
  SharedMap<std::string, SilenceRecord> silences;                // by id
  CowList<EventRecord> events;
  std::uint64_t next_event = 1;
  InstanceId next_instance = 1;
  std::uint64_t next_token = 1;  // of placements and of leases
  CowMap<std::string, KeyRecord> kv;
  std::uint64_t kv_bytes = 0;         // of all keys and values
  CowList<KeyChange> kv_changes;      // oldest first, bounded
  std::uint64_t kv_changes_from = 0;  // every change after this index is in kv_changes
  CowMap<std::string, LeaseRecord> leases;
  SharedMap<std::string, TokenRecord> tokens;           // by id
  SharedMap<std::string, AuthorityRecord> authorities;  // by id
  SharedMap<NodeName, CertificateRecord> certificates;
  SharedMap<std::string, UserCertificateRecord> user_certificates;  // by serial
  SharedMap<std::string, RevokedRecord> revoked;                    // by serial
  GossipKeys gossip_keys;
  RememberedRequests requests;  // of clients, done last
  bool operator==(const ClusterState&) const = default;
};
inline constexpr std::size_t kRequestsMax = 65'536;
inline constexpr std::size_t kRequestsOfVersion1 = 4096;

}  // namespace muster
