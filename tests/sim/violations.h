// Which rules were broken in a simulated run?
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::sim {

struct Violation {
  Instant at{};
  std::string rule;  // "one coordinator a term"
  std::string text;
  std::vector<NodeName> about;
};

// The first ones are kept: what comes later is mostly their consequence.
class Violations {
 public:
  void add(Violation violation) {
    if (all_.size() < kMax) all_.push_back(std::move(violation));
  }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] const std::vector<Violation>& all() const { return all_; }

 private:
  static constexpr std::size_t kMax = 8;
  std::vector<Violation> all_;
};

}  // namespace muster::sim
