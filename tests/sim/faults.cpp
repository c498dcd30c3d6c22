#include "faults.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace muster::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::pair<Fault, std::string_view> kNames[] = {
    {Fault::Kill, "kill"},
    {Fault::PowerOff, "power-off"},
    {Fault::Leave, "leave"},
    {Fault::Freeze, "freeze"},
    {Fault::Slow, "slow"},
    {Fault::Cut, "cut"},
    {Fault::Partition, "partition"},
    {Fault::Flap, "flap"},
    {Fault::Loss, "loss"},
    {Fault::Duplicate, "duplicate"},
    {Fault::Spikes, "spikes"},
    {Fault::DiskStall, "disk-stall"},
    {Fault::DiskFull, "disk-full"},
    {Fault::ClockJump, "clock-jump"},
    {Fault::ClockSkew, "clock-skew"},
    {Fault::ProcessDeath, "process-death"},
    {Fault::LeaderKill, "leader-kill"},
    {Fault::Outage, "outage"},
    {Fault::SmallSnapshots, "small-snapshots"},
    {Fault::Transfer, "transfer"},
    {Fault::Change, "change"},
    {Fault::Disorder, "disorder"},
};

// Rates are for so many nodes; a larger cluster has more of everything.
constexpr std::size_t kUsualNodes = 6;

}  // namespace

std::string_view to_text(Fault fault) {
  for (const auto& [kind, name] : kNames) {
    if (kind == fault) return name;
  }
  return "";
}

std::vector<Fault> all_faults() {
  std::vector<Fault> all;
  for (const auto& [kind, name] : kNames) {
    if (kind <= Fault::SmallSnapshots) all.push_back(kind);
  }
  return all;
}

Result<std::set<Fault>> parse_faults(std::string_view text) {
  std::set<Fault> faults;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto named = std::find_if(std::begin(kNames), std::end(kNames),
                                    [&](const auto& one) { return one.second == word; });
    if (named == std::end(kNames)) {
      std::string known = "no fault is named \"" + std::string(word) + "\"; there are";
      for (const auto& [kind, name] : kNames) known += " " + std::string(name);
      return fail(Code::InvalidArgument, known);
    }
    faults.insert(named->first);
  }
  return faults;
}

std::set<Fault> draw_faults(const std::vector<Fault>& kinds, Rng& rng) {
  std::set<Fault> faults;
  for (const Fault kind : kinds) {
    if (rng.chance(50)) faults.insert(kind);
  }
  return faults;
}

Faults::Faults(World& world, std::set<Fault> kinds, std::uint64_t seed)
    : world_(world), rng_(seed), calm_(world.network().quality()), quality_(calm_) {
  const auto scale = static_cast<Duration::rep>(world.names().size());
  for (const Fault kind : kinds) {
    if (kind == Fault::ClockSkew || kind == Fault::SmallSnapshots) continue;  // WorldOptions
    rates_[kind] = {log_uniform(seconds(3), seconds(40)) * kUsualNodes / scale,
                    log_uniform(milliseconds(100), seconds(12))};
  }
}

Duration Faults::log_uniform(Duration least, Duration most) {
  const double share = static_cast<double>(rng_.below(std::uint64_t{1001})) / 1000;
  const double factor = std::pow(static_cast<double>(most / least), share);
  return Duration(std::llround(static_cast<double>(least.count()) * factor));
}

void Faults::begin() {
  on_ = true;
  for (const auto& [kind, rate] : rates_) next(kind);
}

void Faults::next(Fault kind) {
  later(exponential(milliseconds(10), rates_.at(kind).between, rng_), [this, kind] {
    strike(kind);
    next(kind);
  });
}

// Nothing of it happens after end().
void Faults::later(Duration after, std::function<void()> what) {
  world_.at(world_.now() + after, [this, what = std::move(what)] {
    if (on_) what();
  });
}

NodeName Faults::any_node() {
  return world_.names()[static_cast<std::size_t>(rng_.below(world_.names().size()))];
}

std::set<NodeName> Faults::any_side() {
  std::set<NodeName> side;
  const std::size_t size = 1 + static_cast<std::size_t>(rng_.below(world_.names().size() / 2));
  while (side.size() < size) side.insert(any_node());
  return side;
}

void Faults::strike(Fault kind) {
  const Duration lasting = exponential(milliseconds(10), rates_.at(kind).lasting, rng_);
  switch (kind) {
    case Fault::Kill:
    case Fault::PowerOff:
    case Fault::Leave:
    case Fault::Freeze:
    case Fault::Slow:
    case Fault::DiskStall:
    case Fault::DiskFull:
    case Fault::ClockJump:
    case Fault::ProcessDeath: return strike_agent(kind, any_node(), lasting);
    case Fault::LeaderKill: {
      const NodeName leader = world_.coordinator();
      if (!leader.empty()) strike_agent(Fault::Kill, leader, lasting);
      return;
    }
    case Fault::Outage: return strike_all(lasting);
    case Fault::Cut:
    case Fault::Partition:
    case Fault::Flap:
    case Fault::Loss:
    case Fault::Duplicate:
    case Fault::Spikes: return strike_network(kind, lasting);
    default: return;  // how the world is built
  }
}

void Faults::strike_agent(Fault kind, const NodeName& node, Duration lasting) {
  if (!world_.alive(node)) return;
  const auto start_later = [&] {
    later(lasting, [this, node] {
      if (!world_.alive(node)) world_.start(node);
    });
  };
  if (kind == Fault::Kill) {
    if (rng_.chance(50)) {
      world_.kill_agent(node);
    } else {
      world_.kill_node(node);
    }
    start_later();
  } else if (kind == Fault::PowerOff) {
    world_.power_off(node);
    start_later();
  } else if (kind == Fault::Leave) {
    world_.leave(node);
    lasting += seconds(11);  // as long as leaving may take
    start_later();
  } else if (kind == Fault::Freeze) {
    if (world_.frozen(node)) return;
    world_.freeze(node);
    later(lasting, [this, node] { world_.thaw(node); });
  } else if (kind == Fault::Slow) {
    world_.slow(node, milliseconds(1) + rng_.below(Duration(milliseconds(30))));
    later(lasting, [this, node] { world_.slow(node, Duration::zero()); });
  } else if (kind == Fault::DiskStall) {
    DiskQuality bad;
    bad.stall_percent = 30;
    bad.stall = seconds(3);
    world_.set_disk(node, bad);
    later(lasting, [this, node] { world_.set_disk(node, {}); });
  } else if (kind == Fault::DiskFull) {
    world_.fill_disk(node, true);
    later(lasting, [this, node] { world_.fill_disk(node, false); });
  } else if (kind == Fault::ClockJump) {
    const auto by = static_cast<milliseconds::rep>(rng_.below(7'200'000));
    world_.jump_wall_clock(node, milliseconds(by - 3'600'000));
  } else if (!world_.processes_on(node).empty()) {
    world_.kill_process(node, world_.processes_on(node).begin()->first);
  }
}

// Power fails everywhere at once, and comes back a little earlier here than there.
void Faults::strike_all(Duration lasting) {
  for (const NodeName& node : world_.names()) {
    if (!world_.alive(node)) continue;
    world_.power_off(node);
    later(lasting + rng_.below(Duration(seconds(2))), [this, node] {
      if (!world_.alive(node)) world_.start(node);
    });
  }
}

void Faults::strike_network(Fault kind, Duration lasting) {
  if (kind == Fault::Cut || kind == Fault::Flap) {
    const NodeName a = any_node();
    NodeName b = any_node();
    while (b == a) b = any_node();
    if (kind == Fault::Flap) return flap(a, b, 10, milliseconds(50) + lasting / 10);
    world_.cut(a, b);
    return later(lasting, [this, a, b] { world_.mend(a, b); });
  }
  if (kind == Fault::Partition) {
    const std::set<NodeName> side = any_side();
    world_.partition(side);
    return later(lasting, [this, side] { world_.mend_partition(side); });
  }
  if (kind == Fault::Loss) quality_.loss_percent = 1 + static_cast<unsigned>(rng_.below(25));
  if (kind == Fault::Duplicate) {
    quality_.duplicate_percent = 1 + static_cast<unsigned>(rng_.below(20));
  }
  if (kind == Fault::Spikes) {
    quality_.spike_percent = 1 + static_cast<unsigned>(rng_.below(10));
    quality_.spike = milliseconds(400);
  }
  set_quality();
  later(lasting, [this, kind] {
    if (kind == Fault::Loss) quality_.loss_percent = calm_.loss_percent;
    if (kind == Fault::Duplicate) quality_.duplicate_percent = calm_.duplicate_percent;
    if (kind == Fault::Spikes) quality_.spike_percent = calm_.spike_percent;
    set_quality();
  });
}

void Faults::set_quality() { world_.network().set_quality(quality_); }

void Faults::flap(const NodeName& a, const NodeName& b, int times, Duration each) {
  if (times == 0) return;
  world_.cut(a, b);
  world_.cut(b, a);
  later(each, [this, a, b, times, each] {
    world_.mend(a, b);
    world_.mend(b, a);
    later(each, [this, a, b, times, each] { flap(a, b, times - 1, each); });
  });
}

void Faults::end() {
  on_ = false;
  quality_ = calm_;
  set_quality();
  world_.heal();
  for (const NodeName& node : world_.names()) {
    world_.set_disk(node, {});
    world_.fill_disk(node, false);
    if (!world_.alive(node)) world_.start(node);
    world_.thaw(node);
    world_.slow(node, Duration::zero());
  }
}

}  // namespace muster::sim
