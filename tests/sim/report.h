// How is a simulated run told to people and to programs?
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "seed_run.h"

namespace muster::sim {

struct Effort {
  double wall_seconds = 0;
  double cpu_seconds = 0;
};

// The command that repeats the run.
[[nodiscard]] std::string command_of(const SeedOptions& options);
[[nodiscard]] std::string to_text(const SeedReport& report, const Effort& effort,
                                  const std::string& command);
[[nodiscard]] std::string to_json(const SeedReport& report, const Effort& effort,
                                  const std::string& command);

}  // namespace muster::sim
