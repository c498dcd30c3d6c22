// How do N production Nodes run in one process, in virtual time, from one seed?
//
// The simulator's runtime: it carries out the same effects as the asio runtime, with a network,
// disks and processes of its own. Nothing here reads a clock; the same seed gives the same trace.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/node.h"
#include "base/rng.h"
#include "base/time.h"

namespace muster::sim {

struct WorldOptions {
  std::size_t nodes = 5;
  std::size_t masters = 3;
  Duration latency_min = std::chrono::microseconds(50);
  Duration latency_max = std::chrono::microseconds(500);
  unsigned loss_percent = 0;  // of datagrams
  Duration fsync_min = std::chrono::microseconds(100);
  Duration fsync_max = std::chrono::milliseconds(3);
  Duration exec = std::chrono::milliseconds(3);  // StartProcess to ProcessStarted
};

struct Process {
  std::int64_t pid = 0;
  InstanceId instance = 0;
  std::string workload;
  Instant started{};
};

struct Delivered {
  Instant at{};
  alerting::Notification notification;
};

class World {
 public:
  World(WorldOptions options, std::uint64_t seed);

  // What `name` will be started with: for an agent that is configured wrongly.
  [[nodiscard]] agent::NodeOptions& configure(const NodeName& name) {
    return hosts_.at(name).options;
  }
  // Names are n1, n2, ...; the first ones are the masters.
  void start_all();
  void start(const NodeName& name);       // with what its disk holds
  void kill_agent(const NodeName& name);  // SIGKILL to the agent: its processes live on
  void kill_node(const NodeName& name);   // ... and to everything that it runs
  // Both directions between the two sides are cut, for datagrams and streams, until heal().
  void partition(const std::set<NodeName>& side);
  void heal();
  // SIGKILL to one workload process.
  void kill_process(const NodeName& node, std::int64_t pid);

  void run_for(Duration time);
  // Runs until the condition holds; false when `limit` has passed first.
  bool run_until(const std::function<bool()>& holds, Duration limit);

  // Asks `node` to apply or stop something; the answer arrives in write_result().
  std::uint64_t write(const NodeName& node, CommandBody body);
  [[nodiscard]] std::optional<Result<std::string>> write_result(std::uint64_t request) const;

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] bool alive(const NodeName& name) const;
  [[nodiscard]] std::shared_ptr<const agent::View> view(const NodeName& name) const;
  // The active coordinator with the highest term; empty: none.
  [[nodiscard]] NodeName coordinator() const;
  // The coordinator's state; null: there is none.
  [[nodiscard]] std::shared_ptr<const ClusterState> state() const;
  [[nodiscard]] std::vector<Process> processes(const std::string& workload) const;
  [[nodiscard]] const std::map<std::int64_t, Process>& processes_on(const NodeName& name) const;
  [[nodiscard]] const std::vector<Delivered>& delivered() const { return delivered_; }
  [[nodiscard]] const std::vector<std::string>& halts() const { return halts_; }
  // Of every event so far: equal for equal seeds.
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  // The first broken safety rule, if any: two coordinators in one term, a pid run twice.
  [[nodiscard]] const std::string& violation() const { return violation_; }

 private:
  struct Host {
    agent::NodeOptions options;
    std::unique_ptr<agent::Node> node;  // null: the agent is dead
    std::uint64_t life = 0;             // of the agent; what was meant for an older one is lost
    raft::Stored log;                   // durable
    std::map<InstanceId, agent::StoredInstance> stored;  // durable
    std::map<std::int64_t, Process> processes;
    Instant disk_free{};  // one FIFO: the next write begins after this
    Instant tick_at = kNever;
    StreamId next_accepted = 0;
  };
  struct Wire {  // one end of a stream
    NodeName peer;
    StreamId peer_stream = 0;
    Instant last_delivery{};  // towards the peer: frames stay in order
  };
  struct Scheduled {
    Instant at;
    std::uint64_t sequence;
    std::function<void()> run;
    bool operator<(const Scheduled& other) const {
      return std::tie(at, sequence) > std::tie(other.at, other.sequence);
    }
  };

  void at(Instant when, std::function<void()> run);
  // Runs `what` on the agent that lives there now, if it is still the same one then.
  void post(const NodeName& name, Duration after, agent::Event event);
  void deliver(const NodeName& name, const agent::Event& event);
  void carry_out(const NodeName& name);
  void arm(const NodeName& name);
  void check_safety();
  void cut_streams(const NodeName& name);
  [[nodiscard]] Duration latency();
  [[nodiscard]] bool connected(const NodeName& a, const NodeName& b) const;
  [[nodiscard]] NodeName at_gossip(const Address& address) const;
  [[nodiscard]] NodeName at_rpc(const Address& address) const;
  Duration fsync(Host& host);

  void act(const NodeName& name, Host& host, agent::Effect& effect);
  void act(const NodeName& name, Host& host, health::SendPacket& effect);
  void act(const NodeName& name, Host& host, health::StartSync& effect);
  void act(const NodeName& name, Host& host, health::AnswerSync& effect);
  void act(const NodeName& name, Host& host, health::StartStreamPing& effect);
  void act(const NodeName& name, Host& host, health::AnswerStreamPing& effect);
  void act(const NodeName& name, Host& host, agent::OpenStream& effect);
  void act(const NodeName& name, Host& host, agent::SendFrame& effect);
  void act(const NodeName& name, Host& host, agent::CloseStream& effect);
  void act(const NodeName& name, Host& host, failover::SaveVote& effect);
  void act(const NodeName& name, Host& host, failover::AppendLog& effect);
  void act(const NodeName& name, Host& host, failover::PutSnapshot& effect);
  void act(const NodeName& name, Host& host, agent::SaveInstance& effect);
  void act(const NodeName& name, Host& host, agent::ForgetStored& effect);
  void act(const NodeName& name, Host& host, agent::StartProcess& effect);
  void act(const NodeName& name, Host& host, agent::SignalProcess& effect);
  void act(const NodeName& name, Host& host, agent::WatchProcess& effect);
  void act(const NodeName& name, Host& host, agent::RunCheck& effect);
  void act(const NodeName& name, Host& host, alerting::Deliver& effect);
  void act(const NodeName& name, Host& host, agent::WriteDone& effect);
  void act(const NodeName& name, Host& host, agent::ReadDone& effect);
  void act(const NodeName& name, Host& host, agent::AnswerRead& effect);
  void act(const NodeName& name, Host& host, agent::Notice& effect);
  void act(const NodeName& name, Host& host, agent::Measured& effect);
  void act(const NodeName& name, Host& host, agent::Halt& effect);

  WorldOptions options_;
  Rng rng_;
  Codec codec_;
  Instant now_{std::chrono::seconds(1)};
  std::uint64_t last_sequence_ = 0;
  std::priority_queue<Scheduled> queue_;
  std::map<NodeName, Host> hosts_;
  std::map<std::pair<NodeName, StreamId>, Wire> wires_;
  std::map<std::uint64_t, std::pair<NodeName, std::uint32_t>> pings_;      // -> requester, sequence
  std::map<std::uint64_t, std::pair<NodeName, std::uint64_t>> exchanges_;  // -> requester, its id
  std::uint64_t last_exchange_ = 0;
  std::int64_t last_pid_ = 1000;
  std::set<NodeName> side_;  // of a partition; empty: none
  std::uint64_t last_request_ = 0;
  std::map<std::uint64_t, Result<std::string>> write_results_;
  std::vector<Delivered> delivered_;
  std::vector<std::string> halts_;
  std::map<std::uint64_t, NodeName> coordinators_;  // by term
  std::uint64_t trace_ = kFnvOffset;
  std::uint64_t events_ = 0;
  std::string violation_;
};

}  // namespace muster::sim
