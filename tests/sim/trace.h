// What happened, in words, when a run went wrong?
//
// Off in usual runs: a seed that breaks a rule is run again with it on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "agent/node.h"
#include "base/time.h"

namespace muster::sim {

class Trace {
 public:
  void keep() { on_ = true; }
  [[nodiscard]] bool on() const { return on_; }
  void add(Instant at, const NodeName& where, std::string text);
  // The newest `lines`, oldest first, that concern those named; all when nobody is.
  [[nodiscard]] std::vector<std::string> tail(const std::vector<NodeName>& about,
                                              std::size_t lines) const;

 private:
  struct Line {
    Instant at{};
    NodeName where;
    std::string text;
  };
  static constexpr std::size_t kKept = 200'000;
  bool on_ = false;
  std::deque<Line> lines_;
};

[[nodiscard]] std::string describe(const agent::Event& event);
// Equal for equal events, as far as order and kind go.
[[nodiscard]] std::uint64_t digest_of(const agent::Event& event);

}  // namespace muster::sim
