// What travels on a stream between two agents? (port 7947, one Frame after another)
//
// Plain values; base/protobuf_codec.h frames them. A stream begins with one Hello from the side
// that opened it and one HelloReply; a peer that does not keep to this is cut off.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/ids.h"
#include "base/raft_types.h"

namespace muster::rpc {

inline constexpr std::uint32_t kProtocolMin = 1;
inline constexpr std::uint32_t kProtocolMax = 1;
inline constexpr std::size_t kFrameBytesMax = std::size_t{64} << 20;

enum class Purpose { Agent, Master };

struct MasterAddress {
  NodeName name;
  Address rpc;
  bool operator==(const MasterAddress&) const = default;
};
inline constexpr std::size_t kMastersMax = 64;

struct Hello {
  std::uint32_t protocol_min = kProtocolMin;
  std::uint32_t protocol_max = kProtocolMax;
  std::string cluster;
  NodeName from;
  // Digest of the configured list of masters; 0: the masters were changed since, or this agent has
  // no such list.
  std::uint64_t masters = 0;
  Purpose purpose = Purpose::Agent;
  std::string cluster_id;  // as far as the sender knows; empty: no word of any cluster yet
  std::string boot;        // of the sender's process
  MasterId master_id = 0;  // of a master: that of its log; 0: a founder's
  bool operator==(const Hello&) const = default;
};
// Sent at once, and again whenever the answer changes while the stream is open.
struct HelloReply {
  bool refused = false;  // `why` is final: the peer must not come back as it is
  std::string why;
  NodeName coordinator;  // empty: none known now
  Address coordinator_rpc;
  std::uint64_t term = 0;
  bool here = false;       // the answering node is the coordinator and ready
  std::string cluster_id;  // empty: the cluster was not formed yet, as far as is known here
  // To a master: its log once held something, by the answering node's state. If it is empty now,
  // it was lost.
  bool remembered = false;
  std::vector<MasterAddress> masters;  // as known here; empty: as configured
  bool blank =
      false;  // to a master: the answering one has no word of any cluster in its log either
  bool operator==(const HelloReply&) const = default;
};
struct Register {
  NodeInfo info;
  std::vector<InstanceStatus> instances;  // everything that runs there
  MasterId master_id = 0;                 // of one that is a master, or may become one
  bool operator==(const Register&) const = default;
};
struct Heartbeat {
  std::uint64_t sequence = 0;
  std::int64_t sent_at_ns = 0;  // CLOCK_BOOTTIME of the agent; it counts its lease from here
  std::uint64_t applied = 0;    // of a master: what its state has come to
  bool disk_failing = false;    // of a master: its log cannot be written
  WallTime clock{};             // of the agent's machine; WallTime{}: an older agent
  bool operator==(const Heartbeat&) const = default;
};
struct HeartbeatAck {
  std::uint64_t sequence = 0;
  std::int64_t sent_at_ns = 0;  // the heartbeat's own
  std::uint64_t epoch = 0;      // the coordinator's term
  std::uint32_t lease_ms = 0;   // granted, counted from sent_at_ns; 0: nothing is granted
  WallTime clock{};             // of the coordinator's machine; WallTime{}: an older one
  bool operator==(const HeartbeatAck&) const = default;
};
struct StatusReport {
  std::vector<InstanceStatus> statuses;  // those that changed
  bool operator==(const StatusReport&) const = default;
};
struct Assignment {
  InstanceId instance = 0;
  std::uint64_t token = 0;
  std::uint64_t revision = 1;
  Wanted wanted = Wanted::Run;
  WorkloadSpec spec;
  bool operator==(const Assignment&) const = default;
};
struct Assignments {  // always the whole list of the node
  std::uint64_t epoch = 0;
  std::vector<Assignment> items;
  bool operator==(const Assignments&) const = default;
};
struct Write {  // forwarded to the coordinator, which checks who may do it
  std::uint64_t id = 0;
  Command command;
  std::string authorization{};  // the client's bearer token, a secret; empty: none
  bool operator==(const Write&) const = default;
};
struct WriteReply {
  std::uint64_t id = 0;
  bool ok = false;
  Error error;      // when not ok
  Outcome outcome;  // when ok
  bool operator==(const WriteReply&) const = default;
};
struct Read {  // a read that only masters can answer
  std::uint64_t id = 0;
  std::string path;             // /v1/...
  std::string query;            // without the question mark
  std::string authorization{};  // as in Write
  bool operator==(const Read&) const = default;
};
struct ReadReply {
  std::uint64_t id = 0;
  std::int32_t status = 200;
  std::string body;
  bool operator==(const ReadReply&) const = default;
};
struct Consensus {
  raft::Message message;
  bool operator==(const Consensus&) const = default;
};
enum class MasterChange { Add, Remove, Transfer };  // Transfer: of the leadership, to `master`
struct ChangeMasters {  // forwarded to the coordinator; answered by one WriteReply
  std::uint64_t id = 0;
  MasterChange change = MasterChange::Add;
  NodeName master;            // Transfer: empty lets the coordinator choose
  std::string authorization;  // as in Write
  bool operator==(const ChangeMasters&) const = default;
};

struct ApiToken {  // how an agent knows a client without asking
  std::string id;
  std::string sha256;  // of the secret, in hex
  std::string role;    // identity/role.h
  WallTime expires{};  // WallTime{}: never
  bool operator==(const ApiToken&) const = default;
};
struct GossipSecret {
  std::string id;
  std::string secret;  // base64, as in a keyring file
  bool operator==(const GossipSecret&) const = default;
};
// What every agent has to know of the replicated state, coordinator to agent: always the whole, and
// again when it changes.
struct Facts {
  std::uint64_t revision = 0;  // the index of the state that it was taken from
  std::string cluster_id;
  std::vector<MasterAddress> masters;
  std::string authorities;           // PEM certificates of every CA that is trusted now
  std::vector<std::string> revoked;  // serials of certificates
  std::vector<ApiToken> tokens;
  std::uint64_t keys_revision = 0;        // of gossip_keys
  std::vector<GossipSecret> gossip_keys;  // the first one seals; empty: gossip is not driven
  bool operator==(const Facts&) const = default;
};
struct FactsInstalled {  // agent to coordinator: they are durable and in use
  std::uint64_t revision = 0;
  std::uint64_t keys_revision = 0;
  std::string authorities_sha256;  // of Facts::authorities, in hex; those in use, if refused
  std::string serial;              // of the sender's own certificate; empty: a plain cluster
  // What of it is not, and why: a newer authority or certificate that its clock does not bear.
  std::string refused;
  bool operator==(const FactsInstalled&) const = default;
};

// A node that shows its token to a master: passed on by it, and taken from masters alone. Answered
// by one WriteReply, whose text is the JSON that the node gets (identity/join_json.h).
struct Join {
  std::uint64_t id = 0;
  std::string request;  // JSON of POST /v1/join; with a secret
  std::string from;     // the numeric address that it came from
  bool operator==(const Join&) const = default;
};
// The sender's own certificate is to be renewed. Answered by one WriteReply, whose text is PEM.
struct Renew {
  std::uint64_t id = 0;
  std::string request;  // PEM
  std::string host;     // under which others reach the sender
  WallTime clock{};     // of the sender's machine; WallTime{}: an older sender, not checked
  bool operator==(const Renew&) const = default;
};
enum class Rotation { Authority, GossipKey };
struct Rotate {  // begins one; answered by one WriteReply
  std::uint64_t id = 0;
  Rotation rotation = Rotation::Authority;
  std::string authorization;  // as in Write
  bool operator==(const Rotate&) const = default;
};
// A person or a program is to be given a certificate. Answered by one WriteReply, whose text is the
// JSON of POST /v1/users/certificates (identity/user_certificate.h).
struct CertifyUser {
  std::uint64_t id = 0;
  std::string request;  // PEM
  std::string name;     // of the user
  Role role = Role::Viewer;
  std::uint64_t life_ms = 0;
  Actor by{};                 // who asks for it, as far as the sender is believed
  std::string authorization;  // as in Write
  bool operator==(const CertifyUser&) const = default;
};
using Frame = std::variant<Hello, HelloReply, Register, Heartbeat, HeartbeatAck, StatusReport,
                           Assignments, Write, WriteReply, Read, ReadReply, Consensus,
                           ChangeMasters, Facts, FactsInstalled, Join, Renew, Rotate, CertifyUser>;

}  // namespace muster::rpc
