// What does one agent do about what happens to it?
//
// The composite of all cores of an agent: membership, the session with the coordinator, the
// workloads, and on masters the consensus. Sans-io and not thread-safe: the asio runtime drives it
// on the control thread, the simulator drives many in one loop. Everything that can happen is an
// Event; everything that it can do is an Effect (agent/effects.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/effects.h"
#include "agent/master.h"
#include "agent/questions.h"
#include "agent/renewing.h"
#include "agent/session.h"
#include "agent/streams.h"
#include "agent/supervisor.h"
#include "agent/trust.h"
#include "agent/view.h"
#include "base/codec.h"
#include "base/identity.h"
#include "base/rng.h"
#include "base/time.h"
#include "health/member_history.h"
#include "health/swim.h"

namespace muster::agent {

// --- events ---
struct PacketArrived {
  Address from;
  gossip::Packet packet;
};
struct SyncArrived {  // answered by AnswerSync with the same exchange
  std::uint64_t exchange = 0;
  gossip::Sync sync;
};
struct SyncEnded {  // of a StartSync; no sync: it failed
  std::uint64_t id = 0;
  std::optional<gossip::Sync> sync;
};
struct StreamPingArrived {  // may be answered by AnswerStreamPing with the same exchange
  std::uint64_t exchange = 0;
  gossip::Packet packet;
};
struct StreamPingEnded {  // of a StartStreamPing; no answer: refused
  std::uint32_t sequence = 0;
  std::optional<gossip::Packet> answer;
};
struct GossipUnreachable {  // an ICMP error: nobody listens for gossip there
  Address at;
};
struct Strained {  // about once a second; see health::strain_floor()
  Duration loop_lag{};
  double cpu_pressure = 0;
};
struct StreamReached {  // the host is there, and the handshake begins; plain streams open at once
  StreamId stream = 0;
};
struct StreamOpened {
  StreamId stream = 0;
  std::optional<PeerIdentity> peer{};  // proved in the handshake; nothing in a plain cluster
};
struct StreamAccepted {
  StreamId stream = 0;
  std::optional<PeerIdentity> peer{};  // likewise
};
struct NobodyListens {  // where the stream was to go: the process is gone; StreamClosed follows
  StreamId stream = 0;
};
struct StreamClosed {
  StreamId stream = 0;
  std::string why;
};
struct FrameArrived {
  StreamId stream = 0;
  rpc::Frame frame;
};
struct LogDurable {  // every write of the consensus log up to this ticket
  std::uint64_t ticket = 0;
};
struct LogHealth {
  bool failing = false;
  std::string why;
};
struct SnapshotEncoded {
  raft::Index index = 0;
  raft::Blob data;  // never null
};
struct FactsStored {  // of an InstallFacts
  std::uint64_t revision = 0;
  std::uint64_t keys_revision = 0;
  std::string authorities_sha256;
  Status stored;
  bool outdated = false;  // another authority signs now than signed the own certificate
  // Why the authorities are not among what was stored: the own clock does not bear a new one. Then
  // authorities_sha256 is of those that stay in use.
  std::string refused{};
};
struct CertificateRequestMade {
  Result<std::string> request;  // PEM
};
struct CertificateStored {
  Result<OwnCertificate> stored;
};
struct InstanceSaved {
  InstanceId instance = 0;
  Status saved;
};
struct ProcessStarted {
  InstanceId instance = 0;
  std::uint64_t attempt = 0;
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;
};
struct ProcessNotStarted {
  InstanceId instance = 0;
  std::uint64_t attempt = 0;
  Error error;
};
struct ProcessExited {
  InstanceId instance = 0;
  std::int64_t pid = 0;
  bool failed = false;
  std::string how;  // "exit 3", "signal 9"; empty: cannot be known
};
struct CheckEnded {
  InstanceId instance = 0;
  health::ProbeRole role = health::ProbeRole::Liveness;
  std::uint64_t id = 0;
  bool passed = false;
  std::string text;
};
struct DeliveryEnded {
  std::uint64_t id = 0;
  alerting::DeliveryOutcome outcome;
};
struct WriteRequested {  // answered by one WriteDone
  std::uint64_t request = 0;
  CommandBody body;
  std::string request_id;       // of the client; the same on a retry
  Actor by{};                   // who asks, as this node made sure
  std::string authorization{};  // a secret, what the client showed: agents are not believed
  std::uint64_t asked = 0;      // Command::asked
};
struct ReadRequested {  // answered by one AnswerRead or one ReadDone
  std::uint64_t request = 0;
  std::string path;
  std::string query;
  std::string authorization{};  // a secret: of a client whom this node may not vouch for
};
struct MastersChangeRequested {  // answered by one WriteDone
  std::uint64_t request = 0;
  rpc::MasterChange change = rpc::MasterChange::Add;
  NodeName master;
  std::string authorization{};
};
struct JoinRequested {  // answered by one WriteDone, whose text is JSON for the node that joins
  std::uint64_t request = 0;
  std::string body;  // as it came; with a secret
  std::string from;  // the numeric address that it came from
};
struct RotationRequested {  // answered by one WriteDone
  std::uint64_t request = 0;
  rpc::Rotation rotation = rpc::Rotation::Authority;
  std::string authorization{};
};
struct CertifyRequested {  // answered by one WriteDone, whose text is JSON for the user
  std::uint64_t request = 0;
  rpc::CertifyUser ask{};  // without an id
};
struct WallRead {  // first of all events, and from time to time
  WallTime wall{};
};
struct LeaveRequested {};  // answered by Halt{0} when everything has ended
struct Tick {};            // deadline() has come

using Event =
    std::variant<PacketArrived, SyncArrived, SyncEnded, StreamPingArrived, StreamPingEnded,
                 GossipUnreachable, Strained, StreamReached, StreamOpened, StreamAccepted,
                 NobodyListens, StreamClosed, FrameArrived, LogDurable, LogHealth, SnapshotEncoded,
                 FactsStored, CertificateRequestMade, CertificateStored, InstanceSaved,
                 ProcessStarted, ProcessNotStarted, ProcessExited, CheckEnded, DeliveryEnded,
                 WriteRequested, ReadRequested, MastersChangeRequested, JoinRequested,
                 RotationRequested, CertifyRequested, WallRead, LeaveRequested, Tick>;

struct NodeOptions {
  std::string cluster;
  NodeInfo info;  // of this node
  bool insecure = false;
  bool secured = false;                 // streams prove who is at the other end
  std::map<NodeName, Address> masters;  // 1, 3 or 5, the same on every node
  std::uint64_t masters_digest = 0;
  std::vector<Address> join;  // gossip seeds
  health::SwimOptions swim;
  SessionOptions session;
  MasterOptions master;                       // used when info.master
  std::optional<OwnCertificate> certificate;  // none: a plain cluster
  std::string log_dir;                        // where output files are, for views
  std::uint64_t seed = 0;
};

// What the runtime found on the disk.
struct Recovered {
  raft::Stored consensus;
  std::vector<RecoveredInstance> instances;
  std::string cluster_id;                // empty: none was saved
  std::optional<Leaderless> leaderless;  // MasterOptions::leaderless, out of the history
};

class Node {
 public:
  Node(NodeOptions options, Recovered recovered, Codec codec, WallTime wall, Instant now);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void handle(const Event& event, Instant now);
  [[nodiscard]] Instant deadline() const;            // a Tick has nothing to do before this moment
  [[nodiscard]] std::vector<Effect> take_effects();  // oldest first; empties the queue

  // A copy of what others may see. Cheap: what is large is shared between views until it changes.
  [[nodiscard]] std::shared_ptr<const View> view(Instant now) const;
  // Rises whenever the replicated state changes; 0 on agents that are no masters.
  [[nodiscard]] raft::Index applied() const { return master_ ? master_->applied() : 0; }
  // What this master has may be as old as that; as Master::leader_contact().
  [[nodiscard]] std::optional<Instant> leader_contact() const {
    return master_ ? master_->leader_contact() : std::nullopt;
  }
  [[nodiscard]] const health::Swim& swim() const { return swim_; }
  [[nodiscard]] static gossip::Meta card_meta(const NodeInfo& info);  // what others see of it
  [[nodiscard]] const Supervisor& supervisor() const { return supervisor_; }
  [[nodiscard]] const Master* master() const { return master_.get(); }  // null: is no master

 private:
  struct Peer {                    // an accepted stream
    std::optional<NodeName> name;  // once its Hello was good
    rpc::Purpose purpose = rpc::Purpose::Agent;
    MasterId master_id = 0;  // Purpose::Master: of its log
    Instant hello_due{};
  };

  void on(const PacketArrived& event, Instant now);
  void on(const SyncArrived& event, Instant now);
  void on(const SyncEnded& event, Instant now);
  void on(const StreamPingArrived& event, Instant now);
  void on(const StreamPingEnded& event, Instant now);
  void on(const GossipUnreachable& event, Instant now);
  void on(const Strained& event, Instant now);
  void on(const StreamReached& event, Instant now);
  void on(const StreamOpened& event, Instant now);
  void on(const StreamAccepted& event, Instant now);
  void on(const NobodyListens& event, Instant now);
  void on(const StreamClosed& event, Instant now);
  void on(const FrameArrived& event, Instant now);
  void on(const LogDurable& event, Instant now);
  void on(const LogHealth& event, Instant now);
  void on(const SnapshotEncoded& event, Instant now);
  void on(const FactsStored& event, Instant now);
  void on(const CertificateRequestMade& event, Instant now);
  void on(const CertificateStored& event, Instant now);
  void on(const InstanceSaved& event, Instant now);
  void on(const ProcessStarted& event, Instant now);
  void on(const ProcessNotStarted& event, Instant now);
  void on(const ProcessExited& event, Instant now);
  void on(const CheckEnded& event, Instant now);
  void on(const DeliveryEnded& event, Instant now);
  void on(const WriteRequested& event, Instant now);
  void on(const ReadRequested& event, Instant now);
  void on(const MastersChangeRequested& event, Instant now);
  void on(const JoinRequested& event, Instant now);
  void on(const RotationRequested& event, Instant now);
  void on(const CertifyRequested& event, Instant now);
  void on(const WallRead& event, Instant now);
  void on(const LeaveRequested& event, Instant now);
  void on(const Tick& event, Instant now);

  // node_streams.cpp
  void on_peer_frame(StreamId stream, Peer& peer, const rpc::Frame& frame, Instant now);
  void on_hello(StreamId stream, Peer& peer, const rpc::Hello& hello, Instant now);
  [[nodiscard]] std::string objection(StreamId stream, const rpc::Hello& hello) const;
  [[nodiscard]] const std::string& cluster_id() const;
  void on_coordinator_frame(const rpc::Frame& frame, Instant now);
  // Asks the coordinator, which is another node, for a client; `id` is what `frame` carries.
  void ask(std::uint64_t id, std::uint64_t request, const rpc::Frame& frame, Duration patience,
           Instant now);
  void on_facts(const rpc::Facts& facts, Instant now);
  void learn_cluster(const std::string& id);
  void heed_masters(const rpc::Facts& facts, Instant now);
  void revoke(std::set<std::string> serials, Instant now);
  void end_stream(StreamId stream, const std::string& why, Instant now);
  void end_expired(Instant now);
  void end_strangers(Instant now);
  bool forget_peer(StreamId stream);  // false: it was none

  // node_identity.cpp
  void renew(Instant now);
  void on_renewed(const rpc::WriteReply& reply, Instant now);
  void say_installed();
  void heed_refusal(const std::string& refused, Instant now);
  void take_again(Instant now);
  void watch_clock();

  // node_settle.cpp
  void settle(Instant now);
  bool drain_swim(Instant now);
  bool drain_session(Instant now);
  bool drain_supervisor();
  bool drain_master(Instant now);
  void on_member_changed(const health::MemberChanged& change, Instant now);
  void send_register();
  void send_reports();
  void finish_leaving(Instant now);
  [[nodiscard]] std::shared_ptr<const MemberViews> member_views() const;
  void emit(Effect effect);

  NodeOptions options_;
  WallAnchor wall_;
  Rng rng_;
  StreamIds ids_;
  health::Swim swim_;
  health::MemberHistory history_;
  Trust trust_;
  MasterId registered_id_ = 0;  // of the log with which the coordinator knows this master
  std::string cluster_id_;      // the one this node once belonged to; empty: none yet
  Session session_;
  Renewing renewing_;
  rpc::FactsInstalled installed_;  // as the coordinator was last told; revision 0: not yet
  rpc::Facts facts_;               // the last ones that were heeded
  std::string facts_refused_;      // why not all of them is in use; empty: it is
  Instant take_again_ = kNever;
  bool clock_off_ = false;  // the coordinator's and this one differ, and that was said
  Supervisor supervisor_;
  std::unique_ptr<Master> master_;  // null on other agents
  std::map<StreamId, Peer> peers_;
  std::set<std::pair<Instant, StreamId>> strangers_;  // the nameless of them, by hello_due
  Questions questions_;
  std::map<InstanceId, InstanceStatus> reports_;  // changed, not sent yet
  std::uint64_t member_changes_ = 0;              // MemberChanged so far
  struct MembersShown {                           // in the last view, and the table's state then
    std::shared_ptr<const MemberViews> views;
    std::uint64_t changes = 0;
    std::uint64_t digest = 0;
    std::size_t size = 0;
  };
  mutable MembersShown shown_;
  bool leaving_ = false;
  Instant leave_by_ = kNever;
  bool halted_ = false;
  std::vector<Effect> effects_;
};

}  // namespace muster::agent
