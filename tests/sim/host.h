// What is one simulated host, with its agent, its disk and its processes?
//
// Plain values of World, which alone changes them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/node.h"
#include "base/time.h"
#include "collector/history.h"
#include "log_disk.h"
#include "membership_checker.h"
#include "network.h"

namespace muster::sim {

struct Process {
  std::int64_t pid = 0;
  InstanceId instance = 0;
  std::uint64_t token = 0;
  std::string workload;
  Instant started{};
};

// One end of a stream.
struct StreamEnd {
  HostId peer = 0;
  std::uint64_t peer_life = 0;
  StreamId peer_stream = 0;          // 0: not connected yet
  Instant last{};                    // arrival of what was sent last: all stays in order
  std::deque<agent::Event> waiting;  // sent and not acknowledged, while the link is cut
  Instant stalled_since = kNever;
};

using InstanceWrite = std::variant<agent::SaveInstance, agent::ForgetStored>;

struct InstanceDisk {
  std::map<InstanceId, agent::StoredInstance> durable;
  std::deque<InstanceWrite> queue;  // one after the other
  bool busy = false;
};

// Socket buffers of the kernel: datagrams beyond these are lost while the agent stands still.
inline constexpr std::size_t kDatagramsKept = 200;

struct Host {
  agent::NodeOptions options;
  std::unique_ptr<agent::Node> node;  // null: the agent is dead
  std::uint64_t life = 0;             // of the agent; what was meant for an older one is lost
  bool off = false;                   // the whole machine
  bool leaving = false;
  Instant started{};  // the agent
  Duration ran{};     // agents of earlier lives

  bool frozen = false;
  Duration cost{};  // of each event
  Instant busy_until{};
  bool woken = false;              // drain() is due at busy_until
  std::deque<agent::Event> inbox;  // what happened while the agent was busy or frozen
  std::size_t datagrams = 0;       // in the inbox
  bool tick_waits = false;         // in the inbox
  Instant armed_at = kNever;       // global time of the soonest timer that is set

  int ppm = 0;           // how much faster its monotonic clock runs
  Duration boot_time{};  // what its monotonic clock shows at the beginning
  Duration wall_error{};

  std::string cluster_id;  // as its disk holds it
  // Of its history, when its agent died: for how long it had known no leader.
  std::optional<collector::HistoryPoint> leaderless;
  LogDisk log;
  bool log_failing = false;
  InstanceDisk instances;
  DiskQuality disk;
  bool disk_full = false;

  std::map<std::int64_t, Process> processes;
  StreamId next_accepted = 0;

  // For the checkers.
  Instant well_since = kNever;                 // running, not frozen, not slow, not leaving
  Instant dead_since{};                        // no agent that answers; kNever: there is one
  std::vector<std::optional<Belief>> beliefs;  // as of the last comparison, by member
  std::size_t unobserved = 0;                  // events since then
};

}  // namespace muster::sim
