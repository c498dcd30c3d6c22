// How much of the machine does the agent itself take?
//
// Core: reads its own files below /proc/self through a HostFs. Names, types and HELP are those that
// Prometheus's client libraries give every program. One thread at a time.
#pragma once

#include <memory>
#include <optional>

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

class OwnProcess {
 public:
  // `files` is the machine on which the agent runs, whatever machine it shows.
  explicit OwnProcess(std::shared_ptr<const HostFs> files) : files_(std::move(files)) {}

  // process_*: processor and memory, start, descriptors and limits. DataLoss when a file is not
  // understood; fails also as HostFs does.
  [[nodiscard]] Result<Families> measure();

 private:
  Result<double> start(std::uint64_t ticks);

  std::shared_ptr<const HostFs> files_;
  std::optional<double> start_;  // seconds since 1970; what is said once does not move
};

}  // namespace muster::collector
