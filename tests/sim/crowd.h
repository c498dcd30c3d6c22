// How does membership alone do with thousands of members?
//
// N production health::Swim objects, nothing else of an agent, in virtual time and from one seed:
// what is left out (streams, consensus, workloads) is what does not grow with N. Deterministic; one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "health/swim.h"

namespace muster::sim {

struct CrowdOptions {
  std::size_t nodes = 1000;
  health::SwimOptions swim;
  Duration latency_min = std::chrono::microseconds(100);
  Duration latency_max = std::chrono::microseconds(1000);
  unsigned loss_percent = 1;  // of datagrams
  bool join = false;          // through three seeds, all at once; else they know each other already
};

// What one kill -9 came to. A killed member's kernel answers with ICMP errors and resets, as it
// does when only the agent dies; `silent`: its machine is gone and nothing answers.
struct Detection {
  std::size_t victim = 0;
  bool silent = false;
  std::vector<double> seconds;  // one for each survivor that declared it failed, unordered
  std::size_t missing = 0;      // survivors that have not
};

struct CrowdReport {
  std::size_t nodes = 0;
  double virtual_seconds = 0;
  std::uint64_t events = 0;
  std::vector<Detection> detections;
  std::uint64_t false_failures = 0;    // a living member held failed, each observer once
  std::uint64_t false_suspicions = 0;  // a living member suspected, each observer once
  double join_seconds = 0;             // until all saw all; 0: not asked for, -1: never
  // Quiet ones, of one node and second: sealed, with IP and UDP headers; without the tables.
  double packets = 0;
  double datagram_bytes = 0;
  double table_bytes = 0;  // of push/pull, both directions of an exchange
  std::uint64_t trace_hash = 0;
};

class Crowd {
 public:
  Crowd(const CrowdOptions& options, std::uint64_t seed);

  // Until all tables are equal and complete; false when `limit` has passed first.
  bool run_until_joined(Duration limit);
  void run_for(Duration time);
  void kill(std::size_t node, bool silent);
  [[nodiscard]] bool dead(std::size_t node) const { return nodes_[node].dead; }
  void forget_traffic();  // what was counted so far
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] CrowdReport report() const;

 private:
  struct One {
    std::unique_ptr<Rng> rng;
    std::unique_ptr<health::Swim> swim;
    Instant tick_at = kNever;
    bool dead = false;
    bool silent = false;
  };
  struct Event {
    Instant at;
    std::uint64_t order;
    std::uint32_t node;
    std::uint32_t parcel;  // into parcels_; kTick: none
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  static constexpr std::uint32_t kTick = UINT32_MAX;
  enum class Kind {
    Packet,
    Unreachable,
    SyncRequest,
    SyncReply,
    SyncFailed,
    StreamPing,
    StreamEnd
  };
  struct Parcel {  // what is on its way
    Kind kind = Kind::Packet;
    std::uint32_t from = 0;
    std::uint64_t id = 0;
    gossip::Packet packet;
    std::shared_ptr<const gossip::Sync> sync;
    bool answered = false;  // StreamEnd
  };

  void step(const Event& event);
  void hand(std::uint32_t node, Parcel parcel);
  void drain(std::uint32_t node);
  void arm(std::uint32_t node);
  void post(std::uint32_t to, Parcel parcel);
  void act(std::uint32_t node, health::SendPacket& effect);
  void act(std::uint32_t node, health::StartSync& effect);
  void act(std::uint32_t node, health::AnswerSync& effect);
  void act(std::uint32_t node, health::StartStreamPing& effect);
  void act(std::uint32_t node, health::AnswerStreamPing& effect);
  void act(std::uint32_t node, health::MemberChanged& effect);
  void act(std::uint32_t node, health::NameTaken& effect);
  void act(std::uint32_t node, health::Conflict& effect);
  void act(std::uint32_t node, health::LeaderHeard& effect);
  [[nodiscard]] std::uint32_t node_at(const Address& address) const { return address.port - 1U; }
  [[nodiscard]] Duration latency();

  CrowdOptions options_;
  Rng rng_;
  Instant now_{std::chrono::hours(1)};
  Instant begun_ = now_;
  std::vector<One> nodes_;
  std::priority_queue<Event> queue_;
  std::vector<Parcel> parcels_;
  std::vector<std::uint32_t> free_;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> exchanges_;  // by exchange: requester, id
  std::uint64_t order_ = 0;
  std::vector<Detection> detections_;
  std::vector<Instant> killed_;  // beside detections_
  Instant traffic_since_ = now_;
  std::uint64_t packets_ = 0;
  std::uint64_t datagram_bytes_ = 0;
  std::uint64_t table_bytes_ = 0;
  std::uint64_t false_failures_ = 0;
  std::uint64_t false_suspicions_ = 0;
  double join_seconds_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t trace_ = kFnvOffset;
};

}  // namespace muster::sim
