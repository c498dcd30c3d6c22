// Whose handshake goes on next, when more wait than can be computed?
//
// A core. Those that have begun go first, so that a crowd is served one by one instead of all being
// served too late; but every fourth turn is for one that has not, so that those who begin and begin
// again keep nobody out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace muster::agent {

class StepQueue {
 public:
  using Id = std::uint64_t;
  static constexpr unsigned kTurns = 4;

  void push(Id id, bool begun) { (begun ? begun_ : fresh_).push_back(id); }
  // Nothing: nobody waits.
  [[nodiscard]] std::optional<Id> next() {
    const bool fresh = begun_.empty() || (!fresh_.empty() && ++turn_ % kTurns == 0);
    std::deque<Id>& from = fresh ? fresh_ : begun_;
    if (from.empty()) return std::nullopt;
    const Id id = from.front();
    from.pop_front();
    return id;
  }

 private:
  std::deque<Id> fresh_;
  std::deque<Id> begun_;
  unsigned turn_ = 0;
};

}  // namespace muster::agent
