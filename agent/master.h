// What makes a node a master? The log, the state, and the coordinator's role when it is elected.
//
// A core; owned by Node on masters only. It composes the consensus engine, the links to the other
// masters, the Coordinator and the alerts; it is the only caller of failover::apply().
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/clock_watch.h"
#include "agent/coordinator.h"
#include "agent/credentials.h"
#include "agent/effects.h"
#include "agent/electorate.h"
#include "agent/issuing.h"
#include "agent/log_disk.h"
#include "agent/master_links.h"
#include "agent/streams.h"
#include "agent/view.h"
#include "alerting/pipeline.h"
#include "alerting/rules.h"
#include "base/cluster_state.h"
#include "base/codec.h"
#include "base/rng.h"
#include "failover/named_leases.h"
#include "failover/raft_engine.h"

namespace muster::agent {

struct MasterOptions {
  failover::RaftOptions raft;
  CoordinatorOptions coordinator;
  alerting::PipelineOptions alerts;
  alerting::RuleOptions rules;
  // All with which the cluster begins, with this one. Without this one: it joins a cluster that
  // there is already, and these are masters of it.
  std::map<NodeName, Address> masters;
  bool secured = false;
  Sha256 sha256;
  // Writes that come at the same moment are proposed together, by the tick that deadline() then
  // asks for: one entry's cost of messages and of disk for all of them.
  bool gather = false;
  IssuingOptions issuing;
  // A leader whose disk fails for so long asks another master to lead.
  Duration disk_patience = std::chrono::seconds(1);
  // Without a known leader for so long, a master says that the quorum is lost.
  Duration quorum_patience = std::chrono::seconds(3);
  // It knew no leader when it ran last; nothing: it knew one, or what it knew is not known.
  std::optional<Leaderless> leaderless{};
};

struct LeaderKnown {  // empty: unknown
  NodeName leader;
};
struct MasterHint {  // the stream of this node broke
  NodeName node;
};
struct Leading {  // this master became the coordinator
  std::uint64_t term = 0;
};
using MasterEffect = std::variant<Effect, LeaderKnown, MasterHint, Leading>;

class Master {
 public:
  Master(MasterOptions options, const NodeInfo& self, rpc::Hello hello, raft::Stored stored,
         Codec codec, const WallAnchor& wall, StreamIds& ids, std::uint64_t seed, Instant now);
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  void start(Instant now);

  // --- links to other masters ---
  [[nodiscard]] bool owns(StreamId stream) const { return links_.owns(stream); }
  [[nodiscard]] NodeName peer_of(StreamId stream) const { return links_.peer_of(stream); }
  [[nodiscard]] std::vector<StreamId> streams() const { return links_.streams(); }
  void on_reached(StreamId stream, Instant now) { links_.on_reached(stream, now); }
  void on_opened(StreamId stream) { links_.on_opened(stream); }
  void on_nobody_listens(StreamId stream, Instant now);
  void on_link_closed(StreamId stream, Instant now) { links_.on_closed(stream, now); }
  void on_link_frame(StreamId stream, const rpc::Frame& frame, Instant now);

  // --- accepted streams, after their Hello was found good ---
  void on_agent(StreamId stream, const NodeName& node, Instant now);
  // `vouched`: what the peer says of who asks is believed.
  void on_agent_frame(StreamId stream, const rpc::Frame& frame, bool vouched, Instant now);
  void on_agent_closed(StreamId stream);
  // `id`: of the sender's log. `rpc`: where membership says that `from` listens; may be empty.
  void on_consensus(const NodeName& from, MasterId id, const Address& rpc,
                    const raft::Message& message, Instant now);
  // The answer to the Hello of another master.
  [[nodiscard]] rpc::HelloReply reply_to_master(const NodeName& from) const;
  void tell_masters(rpc::HelloReply& reply) const;  // who they are, in which cluster

  void on_durable(std::uint64_t ticket, Instant now);
  void on_disk(bool failing, const std::string& why, Instant now);
  void on_sighting(const NodeName& node, const Sighting& sighting);
  void on_delivery(std::uint64_t id, const alerting::DeliveryOutcome& outcome, Instant now);
  void on_snapshot(raft::Index index, raft::Blob data, Instant now);  // answers EncodeSnapshot
  // Writes and reads of this node's own clients, whom it has checked. Pre: active(). A write and a
  // change end in one WriteDone, a read in one AnswerRead or one ReadDone.
  void write(std::uint64_t request, const Command& command, Instant now);
  void read(std::uint64_t request, const rpc::Read& read, Instant now);
  void change_masters(std::uint64_t request, rpc::MasterChange change, const NodeName& name,
                      Instant now);
  // Of this node's own clients; each ends in one WriteDone. Pre: active().
  void join(std::uint64_t request, const rpc::Join& join, Instant now);
  void rotate(std::uint64_t request, rpc::Rotation rotation, Instant now);
  void certify(std::uint64_t request, const rpc::CertifyUser& ask, Instant now);
  // `peer`: who is at the other end of the stream, proven; none: a plain cluster.
  void on_renew(StreamId stream, const std::optional<PeerIdentity>& peer, const rpc::Renew& renew,
                Instant now);
  [[nodiscard]] bool active() const { return coordinator_.active(); }
  [[nodiscard]] raft::Term term() const { return engine_->term(); }
  [[nodiscard]] raft::Index commit() const { return engine_->commit_index(); }
  [[nodiscard]] const ClusterState& state() const { return *state_; }  // until the next event

  void tick(Instant now);
  [[nodiscard]] Instant deadline() const;
  [[nodiscard]] std::vector<MasterEffect> take_effects();

  [[nodiscard]] MasterView view() const;
  [[nodiscard]] raft::Index applied() const { return engine_->applied_index(); }
  // When this master heard the leader last; kNever while it leads, nothing: not since its start.
  [[nodiscard]] std::optional<Instant> leader_contact() const;
  [[nodiscard]] bool disk_failing() const { return disk_.failing(); }
  [[nodiscard]] const Electorate& electorate() const { return electorate_; }
  [[nodiscard]] MasterId id() const { return id_; }
  // Whether `name`, with the log `id`, is a master, as far as is known here.
  [[nodiscard]] bool is_master(const NodeName& name, MasterId id) const;
  // Its disk is empty, and it does not know yet whether to begin a cluster or to join one.
  [[nodiscard]] bool forming() const { return forming_; }
  // Its log has no word of any cluster: a founder's bootstrap entry says nothing.
  [[nodiscard]] bool is_blank() const { return forming_ || engine_->last_index() <= 1; }
  // This agent has found a coordinator, which knows whether a master that forms is among those that
  // it leads.
  void ask_coordinator(const NodeName& coordinator, Instant now);
  // This one has a vote, or is on the way to one; a new one that was not added yet has none.
  [[nodiscard]] bool belongs() const;
  // Who speaks of an older state of the cluster does not know yet whether it does.
  [[nodiscard]] raft::Index membership_index() const {
    return std::max(state_->index, engine_->configuration_index());
  }

 private:
  struct LocalWrite {
    std::uint64_t request;
  };
  struct RemoteWrite {
    StreamId stream;
    std::uint64_t id;
  };
  struct InBatch {
    std::uint64_t batch;
  };
  struct OwnStep {};      // towards the masters that there should be
  struct OwnRotation {};  // the next step of one
  struct OwnExpiry {};    // of a named lease
  struct Issued {         // records a certificate that was signed
    std::uint64_t number;
    std::variant<LocalWrite, RemoteWrite> to;
  };
  using Origin =
      std::variant<LocalWrite, RemoteWrite, InBatch, OwnStep, OwnRotation, OwnExpiry, Issued>;

  void settle(Instant now);
  bool drain_engine(Instant now);
  bool drain_links(Instant now);
  bool drain_coordinator(Instant now);
  void drain_alerts();
  void expire_leases(Instant now);

  void on(const failover::Applied& applied);
  void on(const failover::Restore& restore);
  void on(const failover::WantSnapshot& want);
  void on(const failover::RoleChanged& role, Instant now);
  void on(const failover::ProposalFailed& failed);
  void on(const failover::ReadReady& ready);
  void on(const failover::ReadFailed& failed);
  void on(const failover::ChangeDone& done, Instant now);
  void on(const failover::ChangeFailed& failed, Instant now);

  // master_identity.cpp
  using Asker = std::variant<LocalWrite, RemoteWrite>;
  void issue(const Asker& asker, Result<Issuing::Signed> made, const Actor& by, Instant now);
  void join(const Asker& asker, const rpc::Join& join, Instant now);
  void begin_rotation(const Asker& asker, rpc::Rotation rotation, Instant now);
  void join_from(StreamId stream, const rpc::Join& join, bool vouched, Instant now);
  void rotate_from(StreamId stream, const rpc::Rotate& rotate, bool vouched, Instant now);
  void certify_from(StreamId stream, const rpc::CertifyUser& ask, bool vouched, Instant now);
  void step_rotation(Instant now);
  void tell(const Asker& asker, const Result<Outcome>& result);
  void bring_founding();
  void look_at_clocks(Instant now);

  // master_masters.cpp
  void name_log(MasterId id);
  void form(Instant now);
  void begin(Instant now);
  void join_others(Instant now);
  [[nodiscard]] bool has_acknowledged(const NodeName& master) const;
  void heed_log(const NodeName& master, const rpc::HelloReply& reply);
  [[nodiscard]] bool is_without_us(const rpc::HelloReply& reply) const;
  void on_link_refused(const LinkRefused& refused, Instant now);
  void on_link_answer(const NodeName& master, const rpc::HelloReply& reply, Instant now);
  void refresh_electorate();
  void learn_leader();
  [[nodiscard]] NodeName known_leader() const;
  void step_electorate(Instant now);
  void change_masters(const Origin& origin, rpc::MasterChange change, const NodeName& name,
                      Instant now);
  void publish_facts();
  [[nodiscard]] std::vector<ServerView> servers_view() const;
  void read(AnswerRead pending, Instant now);
  void change_from(StreamId stream, const rpc::ChangeMasters& change, bool vouched, Instant now);
  void read_from(StreamId stream, const rpc::Read& read, bool vouched, Instant now);

  [[nodiscard]] static tl::unexpected<Error> not_coordinator() {
    return fail(Code::Unavailable, "this master is not the coordinator now: try again");
  }
  [[nodiscard]] Result<std::string> encoded(const Command& command) const;
  void submit(const Origin& origin, const Command& command, Instant now);
  void propose(std::vector<std::pair<Origin, std::string>> commands, Instant now);
  void propose_gathered(Instant now);
  void propose_batch(const ProposeBatch& batch, Instant now);
  void finish(const Origin& origin, const Result<Outcome>& result);
  void measure(const Command& command);
  void write_from(StreamId stream, const rpc::Write& write, bool vouched, Instant now);
  void take_over(raft::Term term, Instant now);
  void watch_disk(Instant now);
  void watch_disks(Instant now);
  [[nodiscard]] std::string why_unwritable() const;
  void watch_leader(Instant now);
  void evaluate_alerts(Instant now);
  void hint(const NodeName& node, Instant now);
  void knock(Instant now);
  void emit(Effect effect) { effects_.emplace_back(std::move(effect)); }
  ClusterState& writable();

  MasterOptions options_;
  NodeName self_;
  Codec codec_;
  Rng rng_;
  const WallAnchor& wall_;
  bool empty_;  // its disk, when it started
  Electorate electorate_;
  Issuing issuing_;
  Address rpc_;
  std::string boot_;
  MasterId id_;                                   // of this log
  std::unique_ptr<failover::RaftEngine> engine_;  // another one if the log begins anew; never null
  rpc::Hello hello_;
  MasterLinks links_;
  Coordinator coordinator_;
  failover::NamedLeases named_leases_;  // the coordinator's
  alerting::Pipeline cluster_alerts_;   // the coordinator's
  alerting::Pipeline own_alerts_;       // QuorumLost
  std::shared_ptr<ClusterState> state_;
  std::array<std::uint64_t, kCommandKinds> commands_{};  // applied, by kind
  bool state_changed_ = false;
  std::vector<std::pair<Origin, std::string>> gathered_;  // not proposed yet
  Instant gathered_at_ = kNever;                          // the first of them
  std::map<std::uint64_t, Origin> proposals_;
  std::uint64_t last_proposal_ = 0;
  std::map<std::uint64_t, std::size_t> batches_;  // proposals still open
  std::map<std::uint64_t, AnswerRead> reads_;     // by their number in the engine
  std::uint64_t last_read_ = 0;
  bool forming_ = false;      // an empty disk: do the others know a cluster that had this one?
  std::set<NodeName> blank_;  // whose logs have no word of one either
  std::set<NodeName> logs_;   // those that have one
  bool waits_for_coordinator_ = false;
  Instant begin_at_ = kNever;  // with those that there are then
  Instant greet_at_ = kNever;
  bool step_due_ = false;      // of the electorate
  bool rotation_due_ = false;  // a look at the next step of one
  bool rotating_ = false;      // one is under way
  ClockWatch clocks_;          // of the coordinator
  Instant clocks_due_{};
  Rotations rotations_;             // as they were at the last look; of the coordinator
  bool stepping_ = false;           // one is under way
  std::optional<Origin> changing_;  // who waits for it
  bool facts_due_ = false;
  MasterId leader_id_ = 0;
  NodeName leader_;  // empty: none is known
  std::optional<Instant> leader_lost_at_;
  Instant knock_at_ = kNever;  // at the leader's, whose stream broke
  Instant knock_until_{};
  Instant leaderless_since_;  // it counts as watched since then
  // For people: since then, over restarts. To a second: what the history keeps of it is exact then,
  // whatever time has passed.
  WallTime leaderless_at_;
  bool quorum_lost_ = false;
  LogDisk disk_;
  std::string disk_why_;               // of its last error; empty: it works, or says nothing
  std::vector<NodeName> unwritable_;   // masters with a vote whose disks fail, while this one leads
  Instant unwritable_since_ = kNever;  // they are too many
  Instant disks_due_{};                // to be looked at again
  Instant next_evaluation_ = kNever;
  std::vector<MasterEffect> effects_;
};

}  // namespace muster::agent
