// What happens to a cluster in one run from one seed, and what must never?
//
// First a phase with faults, in which only safety counts; then everything is mended, and within a
// bound all must be of one mind and stay so.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faults.h"
#include "violations.h"

namespace muster::sim {

enum class Mode {
  Agents,     // whole agents
  Consensus,  // masters, of which nothing runs but their consensus: quorum_run.h
};

struct SeedOptions {
  Mode mode = Mode::Agents;
  std::uint64_t seed = 1;
  std::size_t nodes = 0;    // 0: the seed draws 5 to 7
  std::size_t masters = 0;  // 0: the seed draws 3 or 5
  Duration time = std::chrono::seconds(120);
  std::optional<std::set<Fault>> faults;  // nothing: the seed draws
};

struct SeedReport {
  std::uint64_t seed = 0;
  std::size_t nodes = 0;
  std::size_t masters = 0;
  std::vector<std::string> faults;
  double virtual_seconds = 0;
  double node_seconds = 0;
  std::uint64_t events = 0;
  std::uint64_t trace_hash = 0;
  std::size_t reigns = 0;        // coordinators that were elected
  std::size_t acknowledged = 0;  // writes
  std::size_t reads = 0;         // answered, linearizable ones
  std::size_t changes = 0;       // of who is a master
  std::size_t installs = 0;      // of snapshots on masters that lagged
  double members_after = 0;      // all tables agreed, seconds after the last fault
  double converged_after = 0;    // ... and the masters, and what should run was ready
  std::vector<Violation> violations;
  std::vector<std::string> tail;  // of the trace; only when it was wanted
};

// `traced`: the same run, slower, with what happened before the violation in words.
[[nodiscard]] SeedReport run_seed(const SeedOptions& options, bool traced);

}  // namespace muster::sim
