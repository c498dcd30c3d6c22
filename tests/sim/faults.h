// What goes wrong in a run, when, and for how long? A seed decides.
//
// Swarm testing (Groce, Zhang, Eide, Chen, Regehr, ISSTA 2012): each seed switches each kind of
// fault off with probability 1/2 and draws how often and for how long each other one comes, since
// what many kinds at once hide, few of them show.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "world.h"

namespace muster::sim {

enum class Fault {
  Kill,            // the agent, or the agent and all that it runs; it is started again
  PowerOff,        // the host vanishes without a reset
  Leave,           // and comes back
  Freeze,          // SIGSTOP
  Slow,            // each event costs time
  Cut,             // one direction of one link
  Partition,       // a set of nodes from the others
  Flap,            // one link, on and off
  Loss,            // up to 25 % on all links
  Duplicate,       // up to 20 % on all links
  Spikes,          // some datagrams come up to 400 ms late, so out of order
  DiskStall,       // an fsync takes up to 3 s
  DiskFull,        // nothing can be written
  ClockJump,       // of the wall clock, up to an hour to either side
  ClockSkew,       // monotonic clocks run at rates within 200 ppm
  ProcessDeath,    // of a workload
  LeaderKill,      // whoever leads the masters
  Outage,          // every agent at once
  SmallSnapshots,  // the masters take one every few entries
  Transfer,        // the leader is told to hand over
  Change,          // masters are added and removed
  Disorder,        // what masters say to each other overtakes itself
};
[[nodiscard]] std::string_view to_text(Fault fault);
[[nodiscard]] std::vector<Fault> all_faults();  // of whole agents
// Comma-separated names; fails with InvalidArgument and the names that there are.
[[nodiscard]] Result<std::set<Fault>> parse_faults(std::string_view text);
// Each of `kinds` with probability 1/2.
[[nodiscard]] std::set<Fault> draw_faults(const std::vector<Fault>& kinds, Rng& rng);

class Faults {
 public:
  Faults(World& world, std::set<Fault> kinds, std::uint64_t seed);
  void begin();
  // Everything is mended, thawed and started; nothing more goes wrong.
  void end();

 private:
  struct Rate {
    Duration between{};  // mean
    Duration lasting{};  // mean
  };
  void next(Fault kind);
  void strike(Fault kind);
  void later(Duration after, std::function<void()> what);
  void strike_agent(Fault kind, const NodeName& node, Duration lasting);
  void strike_all(Duration lasting);
  void strike_network(Fault kind, Duration lasting);
  void flap(const NodeName& a, const NodeName& b, int times, Duration each);
  void set_quality();
  [[nodiscard]] NodeName any_node();
  [[nodiscard]] std::set<NodeName> any_side();
  [[nodiscard]] Duration log_uniform(Duration least, Duration most);

  World& world_;
  Rng rng_;
  std::map<Fault, Rate> rates_;
  LinkQuality calm_;
  LinkQuality quality_;
  bool on_ = false;
};

}  // namespace muster::sim
