#include "collector/posix_gathering.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <utility>

namespace muster::collector {
namespace {

// "2026-01-31T12:00:00Z"
std::string utc(std::int64_t nanoseconds) {
  const auto at = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%FT%TZ", &parts)};
}

// One decimal: "1.5 s".
std::string in_seconds(Duration duration) {
  const auto tenths =
      std::chrono::duration_cast<std::chrono::duration<std::int64_t, std::deci>>(duration).count();
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

// Who gives less did not want to hear from slow collectors.
constexpr Duration kHasty = std::chrono::milliseconds(500);

Result<Families> run_one(const Collector& collector, const HostFs& fs, Complaints& complaints) {
  try {
    return collector.collect(fs, complaints);
  } catch (const std::exception& error) {  // out of memory: that is no reason to end the agent
    return fail(Code::Internal, error.what());
  }
}
}  // namespace

struct PosixGathering::Collection {
  Chosen chosen;
  Duration within{};
  std::shared_ptr<const HostReport> report = std::make_shared<const HostReport>();
  bool over = false;
  std::condition_variable ended;  // with PosixGathering::mutex_
};

// Ends a collection for those who wait for it, whatever happened to who ran it.
class PosixGathering::Ending {
 public:
  Ending(PosixGathering& gathering, Collection& collection)
      : gathering_(gathering), collection_(collection) {}
  ~Ending() {
    const std::lock_guard lock(gathering_.mutex_);
    collection_.over = true;
    if (gathering_.collecting_ == &collection_) gathering_.collecting_ = nullptr;
    gathering_.turn_.notify_all();
    std::erase_if(gathering_.under_way_,
                  [&](const auto& one) { return one.get() == &collection_; });
    collection_.ended.notify_all();
  }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  PosixGathering& gathering_;
  Collection& collection_;
};

PosixGathering::PosixGathering(std::shared_ptr<const HostFs> fs, std::vector<Collector> collectors,
                               PosixRelay::Limits limits)
    : machine_(std::make_shared<const Machine>(Machine{std::move(fs), std::move(collectors)})),
      limits_(limits),
      relay_(limits) {
  CHECK(machine_->fs);
}

Result<PosixGathering::Chosen> PosixGathering::chosen(const std::vector<std::string>& names) const {
  const auto& collectors = machine_->collectors;
  Chosen out;
  for (std::size_t i = 0; i < collectors.size(); ++i) {
    const bool named = std::find(names.begin(), names.end(), collectors[i].name) != names.end();
    if (named || names.empty()) out.push_back(i);
  }
  for (const std::string& name : names) {
    if (std::none_of(out.begin(), out.end(),
                     [&](std::size_t i) { return collectors[i].name == name; })) {
      return fail(Code::InvalidArgument, "there is no collector " + name + ", or it is disabled");
    }
  }
  return out;
}

Error PosixGathering::why(const std::string& name, const PosixRelay::Outcome& outcome) {
  using enum PosixRelay::End;
  switch (outcome.end) {
    case Returned: break;
    case TimedOut: {
      const std::lock_guard lock(mutex_);
      hangs_since_[name] = machine_->fs->now() - outcome.took.count();
      return {Code::Timeout, "no answer in " + in_seconds(outcome.took) +
                                 "; it is asked again once it has returned"};
    }
    case Hangs: {
      const std::lock_guard lock(mutex_);
      return {Code::Timeout, "it hangs since " + utc(hangs_since_[name])};
    }
    case NoTime: return {Code::Timeout, "the others left it no time"};
    case NoThread:
      return {Code::Exhausted, "not asked: " + std::to_string(parked()) + " others hang"};
  }
  return {Code::Internal, "it was not asked"};
}

HostReport PosixGathering::run(const Chosen& chosen, Duration within) {
  struct Slot {
    Result<Families> families = Families{};
    Complaints complaints;
  };
  std::vector<std::shared_ptr<Slot>> slots;
  std::vector<PosixRelay::Call> calls;
  slots.reserve(chosen.size());
  calls.reserve(chosen.size());
  for (const std::size_t i : chosen) {
    slots.push_back(std::make_shared<Slot>());
    calls.push_back({machine_->collectors[i].name, [machine = machine_, i, slot = slots.back()] {
                       slot->families =
                           run_one(machine->collectors[i], *machine->fs, slot->complaints);
                     }});
  }
  const auto outcomes = relay_.run(std::move(calls), within);
  std::vector<CollectorRun> runs;
  runs.reserve(chosen.size());
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    CollectorRun one{machine_->collectors[chosen[k]].name, {}, {}, outcomes[k].took};
    const bool returned = outcomes[k].end == PosixRelay::End::Returned;
    if (returned) {
      one.settle = machine_->collectors[chosen[k]].settle;
      one.families = std::move(slots[k]->families);
      one.complaints = std::move(slots[k]->complaints);
    } else {
      one.families = tl::unexpected(why(one.name, outcomes[k]));
      const bool late = outcomes[k].end == PosixRelay::End::TimedOut;
      one.cut_off = within < std::min(kHasty, limits_.each) &&
                    (late || outcomes[k].end == PosixRelay::End::NoTime);
      one.timed_out = late && !one.cut_off;
    }
    runs.push_back(std::move(one));
  }
  return host_report(std::move(runs));
}

// Of who could not wait for the collection that others are in.
HostReport PosixGathering::nothing(const Chosen& chosen) {
  std::vector<CollectorRun> runs;
  runs.reserve(chosen.size());
  for (const std::size_t i : chosen) {
    const std::string& name = machine_->collectors[i].name;
    const Error error = why(name, {PosixRelay::End::NoTime, {}});
    runs.push_back({name, tl::unexpected(error), {}, {}});
    runs.back().cut_off = true;
  }
  return host_report(std::move(runs));
}

Result<PosixGathering::Gathered> PosixGathering::gather(const std::vector<std::string>& names,
                                                        Duration within) {
  auto wanted = chosen(names);
  if (!wanted) return tl::unexpected(wanted.error());
  std::shared_ptr<Collection> collection;
  {
    std::unique_lock lock(mutex_);
    const auto same = std::find_if(under_way_.begin(), under_way_.end(), [&](const auto& one) {
      return one->chosen == *wanted && one->within >= std::min(within, limits_.each);
    });
    if (same != under_way_.end()) {
      collection = *same;
      if (collection->ended.wait_for(lock, within, [&] { return collection->over; })) {
        return Gathered{collection->report, false};
      }
      lock.unlock();
      return Gathered{std::make_shared<const HostReport>(nothing(*wanted)), false};
    }
    collection = std::make_shared<Collection>();
    collection->chosen = *wanted;
    collection->within = within;
    under_way_.push_back(collection);
  }
  const Ending ending(*this, *collection);
  const auto end = std::chrono::steady_clock::now() + within;
  bool taken = false;
  {
    std::unique_lock lock(mutex_);
    taken = turn_.wait_until(lock, end, [&] { return collecting_ == nullptr; });
    if (taken) collecting_ = collection.get();
  }
  const Duration left = end - std::chrono::steady_clock::now();
  auto report = std::make_shared<const HostReport>(taken ? run(*wanted, left) : nothing(*wanted));
  {
    const std::lock_guard lock(mutex_);
    collection->report = report;
  }
  return Gathered{std::move(report), true};
}

}  // namespace muster::collector
