// What does a scenario script say?
//
// A script is lines of words; docs/SIMULATOR.md says which there are. All of it is checked before
// any of it is run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "world.h"

namespace muster::sim {

// What a script works on while it runs.
struct Stage {
  World& world;
  Instant begun{};
};

// Carries one line out; the text says what went otherwise, empty: nothing.
using Action = std::function<std::string(Stage&)>;

struct ScenarioStep {
  int line = 0;
  std::string text;
  std::optional<Duration> at;  // since the beginning
  Action act;
};

struct Scenario {
  std::string file;
  std::size_t nodes = 0;
  std::size_t masters = 0;
  std::uint64_t seed = 1;
  std::vector<ScenarioStep> steps;
};

// Errors begin with file:line.
[[nodiscard]] Result<Scenario> parse_scenario(const std::string& file, std::string_view text);
[[nodiscard]] Result<Scenario> read_scenario(const std::string& path);

struct ScenarioReport {
  std::string failure;  // "file:line: what the line says: what is otherwise"; empty: none
  std::vector<std::string> tail;
  double virtual_seconds = 0;
  std::uint64_t events = 0;
};

// `seed`: instead of the script's own. The checkers of the world run as in every run.
[[nodiscard]] ScenarioReport run_scenario(const Scenario& scenario,
                                          std::optional<std::uint64_t> seed = {});

}  // namespace muster::sim
