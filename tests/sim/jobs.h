// How are many independent runs spread over the cores?
//
// A child process each: a run that crashes is one that failed, and the others go on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace muster::sim {

// Calls `run` for each number from `first` to `last` in a process of its own, `at_once` at a time,
// and `done` here with what it returned and whether it ended in order, in the order of ending. None
// is begun any more once `enough`.
void run_jobs(std::uint64_t first, std::uint64_t last, std::size_t at_once,
              const std::function<std::string(std::uint64_t)>& run,
              const std::function<void(std::uint64_t, const std::string&, bool)>& done,
              const std::function<bool()>& enough);

}  // namespace muster::sim
