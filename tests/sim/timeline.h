// What happens when, in a simulated world?
//
// A heap of what is due; what is due at the same moment happens in the order in which it was asked
// for. Virtual time: nothing here reads a clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/time.h"

namespace muster::sim {

class Timeline {
 public:
  [[nodiscard]] Instant now() const { return now_; }
  // Runs `what` at that moment, now when it is over, unless the world ends before.
  void at(Instant when, std::function<void()> what) {
    queue_.push_back({std::max(when, now_), ++last_sequence_, std::move(what)});
    std::push_heap(queue_.begin(), queue_.end());
  }
  void run_until(Instant end) {
    while (!queue_.empty() && queue_.front().at <= end) run_next();
    now_ = end;
  }

 private:
  struct Scheduled {
    Instant at;
    std::uint64_t sequence;
    std::function<void()> run;
    bool operator<(const Scheduled& other) const {
      return std::tie(at, sequence) > std::tie(other.at, other.sequence);
    }
  };
  void run_next() {
    std::pop_heap(queue_.begin(), queue_.end());
    const Scheduled next = std::move(queue_.back());
    queue_.pop_back();
    now_ = next.at;
    next.run();
  }

  Instant now_{std::chrono::seconds(1)};
  std::uint64_t last_sequence_ = 0;
  std::vector<Scheduled> queue_;  // a heap: the soonest is in front
};

}  // namespace muster::sim
