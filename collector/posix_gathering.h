// How is this machine doing, all collectors together, whatever hangs?
//
// Driver: owns the threads that the collectors run on (posix_relay.h). A collector that does not
// return in time is left alone until it does, and the others go on. Any thread; blocks as long as
// it is told at most. Never logs: what went wrong is in the report.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "collector/collector.h"
#include "collector/host.h"
#include "collector/posix_relay.h"

namespace muster::collector {

class PosixGathering {
 public:
  struct Gathered {
    std::shared_ptr<const HostReport> report;  // never null
    // Nobody else is handed this report with `first`: who gets it so logs its errors and counts.
    bool first = false;
  };

  PosixGathering(std::shared_ptr<const HostFs> fs, std::vector<Collector> collectors,
                 PosixRelay::Limits limits);

  // Runs the collectors `names`, or all when there is none, in their own order. One that fails or
  // does not return adds nothing but its error and its success 0. Who asks while the same set is
  // being collected gets that collection, unless it was given less time than this asker has and
  // collectors may need. Returns after `within`; what that cuts off when it is less than half a
  // second is no error of a collector. InvalidArgument: there is no collector of such a name here.
  [[nodiscard]] Result<Gathered> gather(const std::vector<std::string>& names, Duration within);
  // Collectors that were given up and have not returned yet.
  [[nodiscard]] std::size_t parked() const { return relay_.parked(); }

 private:
  using Chosen = std::vector<std::size_t>;  // of collectors, ascending
  struct Machine {                          // what a collector that returns late still needs
    std::shared_ptr<const HostFs> fs;
    std::vector<Collector> collectors;
  };
  struct Collection;
  class Ending;

  [[nodiscard]] Result<Chosen> chosen(const std::vector<std::string>& names) const;
  [[nodiscard]] HostReport run(const Chosen& chosen, Duration within);
  [[nodiscard]] HostReport nothing(const Chosen& chosen);
  [[nodiscard]] Error why(const std::string& name, const PosixRelay::Outcome& outcome);

  std::shared_ptr<const Machine> machine_;
  const PosixRelay::Limits limits_;
  PosixRelay relay_;
  std::mutex mutex_;              // over what follows
  std::condition_variable turn_;  // nothing is being collected
  const Collection* collecting_ = nullptr;
  std::vector<std::shared_ptr<Collection>> under_way_;  // of different sets
  std::map<std::string, std::int64_t> hangs_since_;     // by name; as HostFs::now()
};

}  // namespace muster::collector
