#include "quorum_faults.h"

#include <algorithm>
#include <utility>

namespace muster::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLasting = milliseconds(1500);     // mean
constexpr Duration kHuntAtMost = milliseconds(3500);  // between two blows at leaders

}  // namespace

std::vector<Fault> quorum_faults() {
  return {Fault::Kill,      Fault::Freeze,   Fault::Cut,       Fault::Partition,
          Fault::Flap,      Fault::Loss,     Fault::Duplicate, Fault::Spikes,
          Fault::DiskStall, Fault::DiskFull, Fault::ClockSkew, Fault::LeaderKill,
          Fault::Outage,    Fault::Transfer, Fault::Change,    Fault::SmallSnapshots,
          Fault::Disorder};
}

QuorumFaults::QuorumFaults(Quorum& quorum, std::set<Fault> kinds, Duration pace, std::uint64_t seed)
    : quorum_(quorum),
      kinds_(std::move(kinds)),
      pace_(pace),
      rng_(seed),
      calm_(quorum.network().quality()),
      quality_(calm_) {}

void QuorumFaults::begin() {
  on_ = true;
  for (const Fault kind : kinds_) {
    // How the world is built, or what its clients ask for: not what happens to it.
    if (kind == Fault::ClockSkew || kind == Fault::SmallSnapshots || kind == Fault::Disorder ||
        kind == Fault::Transfer || kind == Fault::Change) {
      continue;
    }
    if (kind == Fault::LeaderKill) {
      hunt_leaders();
    } else {
      next(kind);
    }
  }
}

void QuorumFaults::next(Fault kind) {
  const Duration mean = kind == Fault::Outage ? 6 * pace_ : pace_;
  later(exponential(milliseconds(10), mean, rng_), [this, kind] {
    strike(kind);
    next(kind);
  });
}

// Nothing of it happens after end().
void QuorumFaults::later(Duration after, std::function<void()> what) {
  quorum_.at(quorum_.now() + after, [this, what = std::move(what)] {
    if (on_) what();
  });
}

void QuorumFaults::start_later(HostId id) {
  later(exponential(milliseconds(50), kLasting, rng_), [this, id] { quorum_.start(id); });
}

void QuorumFaults::strike(Fault kind) {
  const Duration lasting = exponential(milliseconds(10), kLasting, rng_);
  if (kind == Fault::Outage) {
    for (HostId id = 0; id < quorum_.size(); ++id) {
      quorum_.crash(id);
      start_later(id);
    }
  } else if (kind == Fault::Kill || kind == Fault::Freeze || kind == Fault::DiskStall ||
             kind == Fault::DiskFull) {
    strike_host(kind, any_host(), lasting);
  } else {
    strike_links(kind, lasting);
  }
}

void QuorumFaults::strike_host(Fault kind, HostId id, Duration lasting) {
  if (kind == Fault::Kill) {
    quorum_.crash(id);
    if (rng_.chance(50)) quorum_.alarm(id);
    start_later(id);
  } else if (kind == Fault::Freeze) {
    quorum_.freeze(id);
    if (rng_.chance(25)) quorum_.alarm(id);  // a false one
    later(lasting, [this, id] { quorum_.thaw(id); });
  } else if (kind == Fault::DiskStall) {
    DiskQuality bad;
    bad.stall_percent = 30;
    bad.stall = seconds(3);
    quorum_.set_disk(id, bad);
    later(2 * lasting, [this, id] { quorum_.set_disk(id, {}); });
  } else {
    quorum_.fill_disk(id, true);
    later(lasting, [this, id] { quorum_.fill_disk(id, false); });
  }
}

void QuorumFaults::strike_links(Fault kind, Duration lasting) {
  Network& network = quorum_.network();
  std::vector<std::pair<HostId, HostId>> cuts;
  const std::uint64_t sides = rng_.next();
  const HostId a = any_host();
  const HostId b = any_host();
  for (HostId from = 0; from < quorum_.size(); ++from) {
    for (HostId to = 0; to < quorum_.size(); ++to) {
      const bool apart = (((sides >> from) ^ (sides >> to)) & 1) != 0;
      if (kind == Fault::Partition && apart) cuts.emplace_back(from, to);
      if (kind == Fault::Cut && from == a && to == b) cuts.emplace_back(from, to);
      if (kind == Fault::Flap && from != to && (from == a || to == a)) cuts.emplace_back(from, to);
    }
  }
  for (const auto& [from, to] : cuts) network.cut(from, to);
  if (kind == Fault::Loss) quality_.loss_percent = 1 + static_cast<unsigned>(rng_.below(25));
  if (kind == Fault::Duplicate) {
    quality_.duplicate_percent = 1 + static_cast<unsigned>(rng_.below(20));
  }
  if (kind == Fault::Spikes) {
    quality_.spike_percent = 1 + static_cast<unsigned>(rng_.below(10));
    quality_.spike = milliseconds(800);
  }
  network.set_quality(quality_);
  later(lasting, [this, kind, cuts] {
    for (const auto& [from, to] : cuts) quorum_.network().mend(from, to, quorum_.now());
    if (kind == Fault::Loss) quality_.loss_percent = calm_.loss_percent;
    if (kind == Fault::Duplicate) quality_.duplicate_percent = calm_.duplicate_percent;
    if (kind == Fault::Spikes) quality_.spike_percent = calm_.spike_percent;
    quorum_.network().set_quality(quality_);
  });
}

// The links that are open are drawn anew and whoever leads mostly crashes: so that many terms have
// entries that few masters hold.
void QuorumFaults::hunt_leaders() {
  Network& network = quorum_.network();
  network.heal(quorum_.now());
  if (rng_.chance(75)) {
    for (HostId a = 0; a < quorum_.size(); ++a) {
      for (HostId b = 0; b < a; ++b) {
        if (!rng_.chance(45)) continue;
        network.cut(a, b);
        if (rng_.chance(85)) network.cut(b, a);
      }
    }
  }
  if (rng_.chance(60)) {
    for (const HostId id : quorum_.leaders()) {
      quorum_.crash(id);
      start_later(id);
      if (rng_.chance(70)) break;
    }
  }
  later(milliseconds(100) + rng_.below(kHuntAtMost), [this] { hunt_leaders(); });
}

void QuorumFaults::end() {
  on_ = false;
  quorum_.network().heal(quorum_.now());
  quorum_.network().set_quality(calm_);
  for (HostId id = 0; id < quorum_.size(); ++id) {
    quorum_.set_disk(id, {});
    quorum_.fill_disk(id, false);
    quorum_.start(id);
    quorum_.thaw(id);
  }
}

}  // namespace muster::sim
