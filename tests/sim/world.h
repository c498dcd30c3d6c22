// How do N production Nodes run in one process, in virtual time, from one seed?
//
// The simulator's runtime: it carries out the same effects as the asio runtime, with a network,
// disks, clocks and processes of its own, and breaks each of them on demand. Nothing here reads a
// clock; the same seed gives the same trace. Parts: world.cpp (time, driving, questions),
// world_hosts.cpp (lives, freezing, clocks), world_network.cpp, world_disk.cpp,
// world_processes.cpp, world_checks.cpp (what the checkers are told).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/node.h"
#include "base/rng.h"
#include "base/time.h"
#include "checkers.h"
#include "host.h"
#include "membership_checker.h"
#include "network.h"
#include "timeline.h"
#include "trace.h"
#include "violations.h"

namespace muster::sim {

struct WorldOptions {
  std::size_t nodes = 5;
  std::size_t masters = 3;
  LinkQuality link;
  DiskQuality disk;
  Duration exec = std::chrono::milliseconds(3);  // StartProcess to ProcessStarted
  bool skewed_clocks = false;                    // rates within 200 ppm of each other's
  bool small_snapshots = false;                  // of the masters' log, every few entries
  health::SwimOptions swim;
};

struct Delivered {
  Instant at{};
  alerting::Notification notification;
};

class World {
 public:
  World(const WorldOptions& options, std::uint64_t seed);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // What `name` will be started with: for an agent that is configured wrongly, or has moved.
  [[nodiscard]] agent::NodeOptions& configure(const NodeName& name) { return host(name).options; }

  // --- lives. Names are n1, n2, ...; the first ones are the masters ---
  void start_all();
  void start(const NodeName& name);       // with what its disk holds; also switches it on
  void kill_agent(const NodeName& name);  // SIGKILL to the agent: its processes live on
  void kill_node(const NodeName& name);   // ... and to everything that it runs
  void power_off(const NodeName& name);   // nothing answers any more, not even its kernel
  void leave(const NodeName& name);       // SIGINT
  void freeze(const NodeName& name);      // SIGSTOP: what arrives waits in bounded buffers
  void thaw(const NodeName& name);
  void slow(const NodeName& name, Duration cost);  // of each event; zero: as fast as usual
  void kill_process(const NodeName& node, std::int64_t pid);  // SIGKILL to one workload process

  // --- clocks ---
  void set_clock_rate(const NodeName& name, int ppm);  // Pre: its agent does not run
  void jump_wall_clock(const NodeName& name, std::chrono::milliseconds by);

  // --- network: counted cuts, of datagrams and streams ---
  void cut(const NodeName& from, const NodeName& to);
  void mend(const NodeName& from, const NodeName& to);
  void partition(const std::set<NodeName>& side);  // both directions between the two sides
  void mend_partition(const std::set<NodeName>& side);
  void heal();  // every cut
  [[nodiscard]] Network& network() { return network_; }

  // --- disks ---
  void set_disk(const NodeName& name, const DiskQuality& quality);
  void fill_disk(const NodeName& name, bool full);

  // --- time ---
  // Runs `what` at that moment, unless the world ends before.
  void at(Instant when, std::function<void()> what) { time_.at(when, std::move(what)); }
  void run_for(Duration time) { time_.run_until(now() + time); }
  // Runs until the condition holds; false when `limit` has passed first.
  bool run_until(const std::function<bool()>& holds, Duration limit);

  // Asks `node` to apply or stop something; the answer arrives in write_result().
  std::uint64_t write(const NodeName& node, CommandBody body);
  std::uint64_t change_masters(const NodeName& node, rpc::MasterChange change,
                               const NodeName& master);  // likewise
  [[nodiscard]] std::optional<Result<Outcome>> write_result(std::uint64_t request) const;

  // --- questions ---
  [[nodiscard]] const std::vector<NodeName>& names() const { return names_; }
  [[nodiscard]] Instant now() const { return time_.now(); }
  [[nodiscard]] bool alive(const NodeName& name) const { return host(name).node != nullptr; }
  [[nodiscard]] bool frozen(const NodeName& name) const { return host(name).frozen; }
  // It runs, is not frozen, is not slow and does not leave.
  [[nodiscard]] bool well(const NodeName& name) const { return host(name).well_since != kNever; }
  [[nodiscard]] const agent::Node& node(const NodeName& name) const { return *host(name).node; }
  [[nodiscard]] std::optional<Belief> belief(const NodeName& observer,
                                             const NodeName& member) const;
  [[nodiscard]] std::shared_ptr<const agent::View> view(const NodeName& name) const;
  // The active coordinator with the highest term; empty: none.
  [[nodiscard]] NodeName coordinator() const;
  // The coordinator's state; null: there is none.
  [[nodiscard]] std::shared_ptr<const ClusterState> state() const;
  [[nodiscard]] std::vector<Process> processes(const std::string& workload) const;
  [[nodiscard]] const std::map<std::int64_t, Process>& processes_on(const NodeName& name) const {
    return host(name).processes;
  }
  [[nodiscard]] const std::vector<Delivered>& delivered() const { return delivered_; }
  [[nodiscard]] const std::vector<std::string>& halts() const { return halts_; }
  // What the views or the masters still disagree on; empty: nothing. For a calm cluster.
  [[nodiscard]] std::string disagreement() const;
  [[nodiscard]] std::string membership_disagreement() const;
  // Every write that was acknowledged is in the coordinator's state, or is a violation.
  void check_acknowledged();

  // Of every event so far: equal for equal seeds.
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_hash_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] double node_seconds() const;  // of agents that ran
  [[nodiscard]] const Violations& violations() const { return violations_; }
  // The first broken rule, if any.
  [[nodiscard]] std::string violation() const;
  [[nodiscard]] const ConsensusChecker& consensus() const { return consensus_; }
  // Keeps what happens as text; costs time.
  [[nodiscard]] Trace& trace() { return trace_; }

 private:
  struct Exchange {  // a StartSync or a StartStreamPing under way
    HostId requester = 0;
    std::uint64_t life = 0;
    std::uint64_t id = 0;
    HostId answerer = 0;
  };

  // world.cpp
  [[nodiscard]] HostId id_of(const NodeName& name) const { return ids_.at(name); }
  [[nodiscard]] Host& host(const NodeName& name) { return hosts_[id_of(name)]; }
  [[nodiscard]] const Host& host(const NodeName& name) const { return hosts_[id_of(name)]; }
  // Something reaches the agent that has `life` now, or nobody.
  void post(HostId to, std::uint64_t life, Duration after, agent::Event event);
  void arrive(HostId to, std::uint64_t life, agent::Event event);
  void deliver(HostId to, const agent::Event& event);
  void carry_out(HostId id);
  void arm(HostId id);

  // world_hosts.cpp
  [[nodiscard]] Instant local(const Host& host, Instant global) const;
  [[nodiscard]] Instant global(const Host& host, Instant local) const;
  [[nodiscard]] WallTime wall(const Host& host) const;
  [[nodiscard]] agent::Recovered recover(const Host& host) const;
  void end_agent(HostId id);
  void assess(HostId id);
  void enqueue(Host& host, agent::Event event);
  void wake(HostId id);
  void drain(HostId id);
  void fire_timer(HostId id);
  void read_wall_clock(HostId id);

  // world_network.cpp
  [[nodiscard]] bool reaches(HostId from, HostId to) const;
  [[nodiscard]] bool mutual(HostId a, HostId b) const { return reaches(a, b) && reaches(b, a); }
  void port_unreachable(HostId sender, const Address& to);
  void send_datagram(HostId from, HostId to, gossip::Packet packet);
  void end_exchange(std::uint64_t exchange, std::optional<gossip::Sync> sync);
  void end_ping(std::uint64_t exchange, std::optional<gossip::Packet> answer);
  void connect(HostId from, StreamId stream, HostId to, Duration wait);
  void carry(HostId from, StreamId stream, agent::Event event);
  void land(HostId from, StreamId stream, HostId to, std::uint64_t life, StreamId to_stream,
            agent::Event event);
  void stall(HostId from, StreamId stream, StreamEnd& end, agent::Event event);
  void resume_streams();
  void resume(HostId from, StreamId stream);
  void break_stream(HostId host, StreamId stream, const std::string& why);
  void reset_streams(HostId id);

  // world_disk.cpp
  void begin_batch(HostId id);
  void end_batch(HostId id);
  void begin_save(HostId id);
  void end_save(HostId id);
  void crash_disk(HostId id);

  // world_processes.cpp
  void spawn(HostId id, std::uint64_t life, agent::StartProcess order);
  void check_alone(HostId id, InstanceId instance, std::int64_t pid);

  // world_checks.cpp
  [[nodiscard]] MembershipChecker::Truth truth() const;
  void observe(HostId id);
  void compare_views(HostId id);
  void check_membership();
  [[nodiscard]] std::string masters_disagreement() const;

  void act(HostId id, Host& host, health::SendPacket& effect);
  void act(HostId id, Host& host, health::StartSync& effect);
  void act(HostId id, Host& host, health::AnswerSync& effect);
  void act(HostId id, Host& host, health::StartStreamPing& effect);
  void act(HostId id, Host& host, health::AnswerStreamPing& effect);
  void act(HostId id, Host& host, agent::OpenStream& effect);
  void act(HostId id, Host& host, agent::SendFrame& effect);
  void act(HostId id, Host& host, agent::CloseStream& effect);
  void act(HostId id, Host& host, failover::SaveVote& effect);
  void act(HostId id, Host& host, failover::AppendLog& effect);
  void act(HostId id, Host& host, failover::PutSnapshot& effect);
  void act(HostId id, Host& host, agent::SaveInstance& effect);
  void act(HostId id, Host& host, agent::ForgetStored& effect);
  void act(HostId id, Host& host, agent::StartProcess& effect);
  void act(HostId id, Host& host, agent::SignalProcess& effect);
  void act(HostId id, Host& host, agent::WatchProcess& effect);
  void act(HostId id, Host& host, agent::RunCheck& effect);
  void act(HostId id, Host& host, alerting::Deliver& effect);
  void act(HostId id, Host& host, agent::WriteDone& effect);
  void act(HostId id, Host& host, agent::ReadDone& effect);
  void act(HostId id, Host& host, agent::AnswerRead& effect);
  void act(HostId id, Host& host, agent::EncodeSnapshot& effect);
  void act(HostId id, Host& host, agent::SaveClusterId& effect);
  void act(HostId id, Host& host, agent::InstallFacts& effect);
  void act(HostId id, Host& host, agent::RetireMaster& effect);
  void act(HostId id, Host& host, agent::MakeCertificateRequest& effect);
  void act(HostId id, Host& host, agent::StoreCertificate& effect);
  void act(HostId id, Host& host, agent::Notice& effect);
  void act(HostId id, Host& host, agent::Measured& effect);
  void act(HostId id, Host& host, agent::Halt& effect);

  WorldOptions options_;
  Rng rng_;
  Codec codec_;
  Timeline time_;
  std::vector<Host> hosts_;
  std::vector<NodeName> names_;  // of the hosts
  std::map<NodeName, HostId> ids_;
  std::vector<std::pair<NodeName, HostId>> by_name_;  // sorted
  std::map<Address, HostId> gossip_addresses_;
  std::map<Address, HostId> rpc_addresses_;
  Network network_;
  std::map<std::pair<HostId, StreamId>, StreamEnd> ends_;
  std::map<std::uint64_t, Exchange> exchanges_;
  std::map<std::uint64_t, Exchange> pings_;  // their ids are sequences
  std::uint64_t last_exchange_ = 0;
  std::int64_t last_pid_ = 1000;
  std::uint64_t last_request_ = 0;
  std::map<std::uint64_t, Result<Outcome>> write_results_;
  std::vector<Delivered> delivered_;
  std::vector<std::string> halts_;
  std::uint64_t trace_hash_ = kFnvOffset;
  std::uint64_t events_ = 0;
  Violations violations_;
  ConsensusChecker consensus_;
  MembershipChecker membership_;
  Trace trace_;
};

}  // namespace muster::sim
