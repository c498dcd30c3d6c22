// How is a simulated run told to people and to programs?
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "seed_run.h"

namespace muster::sim {

// The command that repeats the run.
[[nodiscard]] std::string command_of(const SeedOptions& options);
[[nodiscard]] std::string to_text(const SeedReport& report, double wall_seconds,
                                  const std::string& command);
[[nodiscard]] std::string to_json(const SeedReport& report, double wall_seconds,
                                  const std::string& command);

}  // namespace muster::sim
