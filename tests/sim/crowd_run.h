// What does membership cost and how fast is it, at N members?
//
// The measurement behind `muster-sim --nodes N`: a quiet time for the traffic, then kills one after
// another. Deterministic but for the memory and the wall time, which are of this process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crowd.h"

namespace muster::sim {

struct CrowdPlan {
  CrowdOptions crowd;
  std::uint64_t seed = 1;
  double seconds = 60;  // virtual, of one crowd
  // Crowds one after another, with other seeds; 0: as many as make some 40 kills, at most 20.
  unsigned crowds = 0;
};

// Times in seconds from the kill on.
struct DetectionFigures {
  std::size_t kills = 0;
  std::size_t undetected = 0;  // survivors that had not declared it failed in the end
  double first_p50 = 0;        // until the first survivor had
  double first_p99 = 0;
  double each_p50 = 0;  // until a survivor had, over all survivors and kills
  double each_p99 = 0;
  double all_p50 = 0;  // until the last survivor had
  double all_p99 = 0;
};

struct CrowdFigures {
  CrowdReport last;         // of the last crowd: traffic, trace
  DetectionFigures killed;  // the process is gone, its kernel answers for it
  DetectionFigures silent;  // the machine is gone
  std::uint64_t false_failures = 0;
  std::uint64_t false_suspicions = 0;
  double join_p50 = 0;  // until all saw all, all starting at once; -1: not within a minute
  double join_max = 0;
  double node_seconds = 0;  // virtual
  double wall_seconds = 0;
  double memory_per_node = 0;  // bytes, with the simulator's own
};

[[nodiscard]] CrowdFigures measure_crowd(const CrowdPlan& plan);
[[nodiscard]] std::string to_text(const CrowdFigures& figures, const CrowdPlan& plan);
[[nodiscard]] std::string to_json(const CrowdFigures& figures, const CrowdPlan& plan);

}  // namespace muster::sim
