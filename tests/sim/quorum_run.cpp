#include "quorum_run.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "quorum.h"
#include "quorum_faults.h"

namespace muster::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kSlice = milliseconds(50);
// An election takes a few timeouts, a snapshot that was lost is sent again after install_timeout.
constexpr Duration kConverge = std::chrono::seconds(15);
constexpr std::size_t kTail = 60;

Duration log_uniform(Duration least, Duration most, Rng& rng) {
  const double share = static_cast<double>(rng.below(std::uint64_t{1001})) / 1000;
  return Duration(std::llround(static_cast<double>(least.count()) *
                               std::pow(static_cast<double>(most / least), share)));
}

// Asks whoever leads, or believes to, and now and then anybody.
class Clients {
 public:
  Clients(Quorum& quorum, const std::set<Fault>& kinds, Duration between, std::uint64_t seed)
      : quorum_(quorum), kinds_(kinds), between_(between), rng_(seed) {}
  void begin() {
    on_ = true;
    every(between_, [this] { write(); });
    every(3 * between_, [this] { quorum_.read(someone()); });
    if (kinds_.contains(Fault::Transfer)) {
      every(std::chrono::seconds(3), [this] { hand_over(); });
    }
    if (kinds_.contains(Fault::Change)) {
      every(std::chrono::seconds(1), [this] { change_masters(); });
    }
  }
  void end() { on_ = false; }
  // Some change that the leader may be asked for.
  void change_masters() {
    const HostId leader = someone();
    if (!quorum_.alive(leader)) return;
    const std::map<HostId, bool> masters = quorum_.masters(leader);
    const auto voters = std::count_if(masters.begin(), masters.end(),
                                      [](const auto& master) { return master.second; });
    const auto whom = static_cast<HostId>(rng_.below(quorum_.size()));
    const auto known = masters.find(whom);
    if (known == masters.end()) {
      quorum_.change(leader, raft::ChangeKind::Add, whom);
    } else if (!known->second && rng_.chance(80)) {
      quorum_.change(leader, raft::ChangeKind::Promote, whom);
    } else if (!known->second || voters > (quorum_.size() > 2 ? 2 : 1)) {
      quorum_.change(leader, raft::ChangeKind::Remove, whom);
    }
  }

 private:
  void every(Duration mean, std::function<void()> what) {
    quorum_.at(quorum_.now() + exponential(milliseconds(1), mean, rng_),
               [this, mean, what = std::move(what)] {
                 if (!on_) return;
                 what();
                 every(mean, what);
               });
  }
  [[nodiscard]] HostId someone() {
    const std::vector<HostId> leaders = quorum_.leaders();
    if (leaders.empty() || rng_.chance(5)) return static_cast<HostId>(rng_.below(quorum_.size()));
    return leaders[static_cast<std::size_t>(rng_.below(leaders.size()))];
  }
  void write() { quorum_.propose(someone(), rng_.chance(10) ? 1 + rng_.below(40) : 1); }
  void hand_over() { quorum_.transfer(someone(), static_cast<HostId>(rng_.below(quorum_.size()))); }

  Quorum& quorum_;
  const std::set<Fault>& kinds_;
  Duration between_;
  Rng rng_;
  bool on_ = false;
};

class QuorumRun {
 public:
  QuorumRun(const SeedOptions& options, bool traced)
      : options_(options), rng_(options.seed), kinds_(draw()) {
    QuorumOptions world;
    world.masters = options_.masters != 0 ? options_.masters : (rng_.chance(60) ? 3 : 5);
    world.spares = kinds_.contains(Fault::Change) ? 1 + rng_.below(std::uint64_t{3}) : 0;
    world.skewed_clocks = kinds_.contains(Fault::ClockSkew);
    world.ordered = !kinds_.contains(Fault::Disorder);
    if (kinds_.contains(Fault::SmallSnapshots)) {
      world.raft.snapshot_threshold = 5 + rng_.below(std::uint64_t{40});
      world.raft.snapshot_trailing = rng_.below(std::uint64_t{12});
      world.raft.install_timeout = std::chrono::seconds(3);
      // Some states take several chunks of a MiB each.
      world.state_bytes = rng_.below(std::uint64_t{rng_.chance(25) ? 3'500'000U : 2'000U});
    }
    world.raft.max_inflight = rng_.chance(50) ? 512 : 8;
    quorum_.emplace(world, rng_.next());
    if (traced) quorum_->trace().keep();
    report_.seed = options_.seed;
    report_.nodes = quorum_->size();
    report_.masters = world.masters;
    for (const Fault kind : kinds_) report_.faults.emplace_back(to_text(kind));
  }

  SeedReport run() {
    const Duration pace = log_uniform(milliseconds(700), std::chrono::seconds(8), rng_);
    QuorumFaults faults(*quorum_, kinds_, pace, rng_.next());
    Clients clients(*quorum_, kinds_, log_uniform(milliseconds(10), milliseconds(500), rng_),
                    rng_.next());
    const Instant begun = quorum_->now();
    for (HostId id = 0; id < quorum_->size(); ++id) {
      quorum_->at(begun + rng_.below(Duration(milliseconds(500))),
                  [this, id] { quorum_->start(id); });
    }
    clients.begin();
    if (go_on(begun + rng_.below(Duration(std::chrono::seconds(3))))) {
      faults.begin();
      if (go_on(begun + options_.time * 4 / 5)) {
        clients.end();
        faults.end();
        converge(clients);
      }
    }
    clients.end();
    finish(begun);
    return std::move(report_);
  }

 private:
  std::set<Fault> draw() {
    const std::set<Fault> drawn = draw_faults(quorum_faults(), rng_);
    return options_.faults ? *options_.faults : drawn;
  }

  bool go_on(Instant until) {
    while (quorum_->now() < until) {
      quorum_->run_for(std::min(kSlice, until - quorum_->now()));
      if (!quorum_->violations().empty()) return false;
    }
    return true;
  }

  // Somebody leads and takes a write, and all masters apply it.
  void converge(Clients& clients) {
    const Instant calm = quorum_->now();
    const std::size_t before = quorum_->history().acknowledged();
    const std::size_t changed = quorum_->counts().changes;
    const bool changes = kinds_.contains(Fault::Change);
    const auto differ = [&] {
      std::string text = quorum_->disagreement();
      if (!text.empty()) return text;
      if (quorum_->history().acknowledged() == before)
        return std::string("no write is acknowledged");
      if (changes && quorum_->counts().changes == changed) {
        return std::string("no change of masters comes about");
      }
      return text;
    };
    while (!differ().empty() && quorum_->now() - calm < kConverge) {
      if (const std::optional<HostId> leader = quorum_->leader()) quorum_->propose(*leader, 1);
      if (changes && quorum_->counts().changes == changed) clients.change_masters();
      if (!go_on(quorum_->now() + 10 * kSlice)) return;
    }
    report_.converged_after = seconds(quorum_->now() - calm);
    if (const std::string text = differ(); !text.empty()) {
      report_.violations.push_back(
          {quorum_->now(), "after healing all agree within a bound", text, {}});
      return;
    }
    quorum_->check_end();
  }

  void finish(Instant begun) {
    for (const Violation& one : quorum_->violations().all()) report_.violations.push_back(one);
    report_.virtual_seconds = seconds(quorum_->now() - begun);
    report_.node_seconds = report_.virtual_seconds * static_cast<double>(quorum_->size());
    report_.events = quorum_->events();
    report_.trace_hash = quorum_->trace_hash();
    report_.reigns = quorum_->consensus().reigns();
    report_.acknowledged = quorum_->history().acknowledged();
    report_.reads = quorum_->history().reads();
    report_.changes = quorum_->counts().changes;
    report_.installs = quorum_->counts().installs;
    if (!report_.violations.empty()) {
      report_.tail = quorum_->trace().tail(report_.violations.front().about, kTail);
    }
  }

  SeedOptions options_;
  Rng rng_;
  std::set<Fault> kinds_;
  std::optional<Quorum> quorum_;
  SeedReport report_;
};

}  // namespace

SeedReport run_quorum(const SeedOptions& options, bool traced) {
  return QuorumRun(options, traced).run();
}

}  // namespace muster::sim
