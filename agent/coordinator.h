// What does a master do for the agents, and what does the elected one decide?
//
// A core; owned by Node on masters. Every master answers agents that ask for the coordinator. The
// elected one keeps their registrations, takes what membership and agents say into commands, plans
// placements on a scratch copy of the state and proposes all of it as one batch; one batch is in
// flight at a time, so a plan never rests on what is not yet known to be committed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "agent/clock_watch.h"
#include "agent/electorate.h"
#include "agent/streams.h"
#include "base/cluster_state.h"
#include "base/command.h"
#include "base/gossip.h"
#include "base/rpc.h"
#include "base/time.h"
#include "failover/lease.h"

namespace muster::agent {

struct CoordinatorOptions {
  // A node on record that nobody has seen since the coordinator took over has failed after this.
  Duration unseen_max = std::chrono::seconds(10);
  // A registered agent that says nothing for this long is cut off; membership judges the node.
  Duration silence_max = std::chrono::seconds(3);
  // After a batch that consensus did not take (it is handing leadership over, its log is full).
  Duration retry = std::chrono::milliseconds(100);
  // After a batch with registrations: a thousand agents that come back at once are a few batches,
  // not a thousand. Others wait for none: what agents report is told as it happens.
  Duration pause = std::chrono::milliseconds(10);
};

struct ProposeBatch {  // answered by on_batch_done() once every command is applied or has failed
  std::uint64_t batch = 0;
  std::vector<Command> commands;
};
using CoordinatorEffect = std::variant<SendFrame, CloseStream, ProposeBatch>;

// What membership knows of a node, with what it can say about why.
struct Sighting {
  gossip::MemberState state = gossip::MemberState::Alive;
  std::string evidence;
};
using Sightings = std::map<NodeName, Sighting>;

class Coordinator {
 public:
  Coordinator(CoordinatorOptions options, NodeName self);

  // --- streams of agents, on every master ---
  // The stream's Hello was accepted; answers it.
  void on_agent(StreamId stream, const NodeName& node, Instant now);
  // The node whose registered stream this was; empty for others.
  NodeName on_closed(StreamId stream);
  void on_register(StreamId stream, const rpc::Register& registration, Instant now);
  // `wall`: what the answer says of this machine's clock.
  void on_heartbeat(StreamId stream, const rpc::Heartbeat& beat, Instant now, WallTime wall = {});
  void on_status(StreamId stream, const rpc::StatusReport& report, Instant now);

  // True: it is a candidate, or a master.
  bool on_facts_installed(StreamId stream, const rpc::FactsInstalled& installed);

  // --- the role ---
  // This master heard who leads. `rpc` may be empty when the leader's address is not known.
  void on_leader(const NodeName& leader, const Address& rpc, std::uint64_t term);
  // This master leads `term` and has applied everything before it.
  void begin(std::uint64_t term, const std::string& why, Instant now);
  void end();
  [[nodiscard]] bool active() const { return active_; }

  // --- what it decides from ---
  void on_sighting(const NodeName& node, const Sighting& sighting);
  void note(CommandBody body);  // to be proposed with the next batch (alerts)
  // What agents must know from now on: sent to all that are registered. On every master: the reply
  // to a Hello has its cluster and its masters.
  void set_facts(rpc::Facts facts);
  // After commands were applied, or the role began: sends what agents do not know yet.
  void on_state(const ClusterState& state);
  void on_batch_done(std::uint64_t batch);
  // Some command of it was not taken. on_batch_done() still follows; what the batch was to say is
  // then said again after a while.
  void on_batch_failed(std::uint64_t batch);
  // Proposes what is due. Pre: `state` is the applied state.
  void step(const ClusterState& state, WallTime wall, Instant now);
  [[nodiscard]] Instant deadline() const;
  [[nodiscard]] std::vector<CoordinatorEffect> take_effects();

  [[nodiscard]] std::size_t agents() const { return agents_.size(); }
  // Registered agents that are set up as masters.
  [[nodiscard]] std::map<NodeName, Candidate> candidates() const;
  // How the registered masters are, by their own words: when heard, and the heartbeat.
  [[nodiscard]] std::map<NodeName, std::pair<Instant, rpc::Heartbeat>> vitals() const;
  // By their last heartbeats, of all registered agents that say it; without the own one.
  [[nodiscard]] std::vector<ClockReading> clocks(const WallAnchor& wall) const;
  // What each registered agent has installed; nothing of those that have not said so.
  [[nodiscard]] std::map<NodeName, std::optional<rpc::FactsInstalled>> installed() const;

 private:
  struct Agent {
    NodeName node;
    bool registered = false;
    std::uint64_t admitting = 0;  // the batch that takes it in; 0: none yet
    bool admitted = false;        // that batch is done: its assignments are the truth
    Instant last_heard{};
    bool given_up = false;  // membership ended the node, and this stream has said nothing since
    NodeInfo info;
    MasterId master_id = 0;
    std::map<InstanceId, InstanceStatus> said;  // by its registration, kept up to date by reports
    std::optional<std::vector<rpc::Assignment>> sent;
    std::optional<rpc::FactsInstalled> installed;
    std::uint64_t facts_told = 0;  // the revision of those that answered its registration
    rpc::Heartbeat beat;           // the last one
  };
  class Batch;

  using Agents = std::map<StreamId, Agent>;

  Agents::iterator forget(Agents::iterator agent);
  void reply_all();
  void push_assignments(const ClusterState& state);
  void push_assignments(const ClusterState& state, StreamId stream, Agent& agent);
  [[nodiscard]] rpc::HelloReply reply() const;
  void cut_silent(Instant now);
  // What an agent says of its instances, the last word on each; false: of more than there can be.
  [[nodiscard]] static bool hear(std::map<InstanceId, InstanceStatus>& said,
                                 const std::vector<InstanceStatus>& statuses);
  void cut_boundless(StreamId stream);
  void add_verdicts(Batch& batch, Instant now);
  bool add_registrations(Batch& batch);  // false: there was none
  void add_reports(Batch& batch);
  [[nodiscard]] bool seen_alive(const NodeName& node) const;
  [[nodiscard]] bool has_stream(const NodeName& node) const;  // a registered one

  CoordinatorOptions options_;
  NodeName self_;
  Agents agents_;
  std::set<StreamId> masters_;  // the registered of them that are set up as masters
  NodeName leader_;
  Address leader_rpc_;
  std::uint64_t term_ = 0;
  bool active_ = false;
  bool dirty_ = false;
  Instant began_{};
  Instant silence_check_ = kNever;
  Instant unseen_check_ = kNever;
  std::uint64_t last_batch_ = 0;
  std::uint64_t in_flight_ = 0;  // batch id; 0: none
  bool failed_ = false;          // something of the batch in flight was not taken
  Instant stepped_at_{};         // of the last proposal
  Instant not_before_{};         // of the next
  std::optional<CoordinatorElected> announcement_;  // until it is committed
  std::uint64_t announced_in_ = 0;                  // batch id
  Sightings sightings_;
  std::map<NodeName, std::string> suspected_;  // suspicions not proposed yet, with evidence
  std::map<NodeName, std::map<InstanceId, InstanceStatus>> reports_;
  std::vector<CommandBody> notes_;
  std::vector<CommandBody> proposed_notes_;  // in the batch in flight
  rpc::Facts facts_;
  ClusterState pushed_;  // what the assignments that were sent last were made of
  failover::LeaseGrants leases_;
  std::vector<CoordinatorEffect> effects_;
};

}  // namespace muster::agent
