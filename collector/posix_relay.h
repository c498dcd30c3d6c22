// Who makes the calls that may never return?
//
// Driver: owns threads. One thread makes the calls of a list, one after the other. When a call
// lasts too long, another thread takes over the rest of the list; when it does not return at all,
// its thread stays behind with it ("parked"), and no second call of the same key is made until it
// has returned. So a call that hangs costs one thread and nobody else's time. The last thread that
// may be makes only calls whose key returned the last time: however many hang, those go on.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"

namespace muster::collector {

class PosixRelay {
 public:
  struct Limits {
    Duration overtaken_after = std::chrono::milliseconds(100);  // then the rest goes on without it
    Duration each = std::chrono::seconds(1);                    // then the call has failed
    std::size_t threads_max = 16;                               // in all, two or more
  };
  struct Call {
    std::string key;             // of what may hang: a collector's name, a mount point
    std::function<void()> work;  // owns what it touches; may outlive the relay; throws nothing
  };
  enum class End {
    Returned,
    TimedOut,  // of this run: it is parked now
    Hangs,     // not made: one of the same key is under way since an earlier run
    NoTime,    // not made: the run was over before its turn came
    NoThread,  // not made: so many threads are parked that only what returned last time is asked
  };
  struct Outcome {
    End end = End::NoTime;
    Duration took{};  // Returned, TimedOut: this call. Hangs: the one under way, so far.
    bool operator==(const Outcome&) const = default;
  };

  explicit PosixRelay(Limits limits);
  // Pre: no run() is under way. Does not wait for parked threads: they end when their calls return.
  ~PosixRelay();
  PosixRelay(const PosixRelay&) = delete;
  PosixRelay& operator=(const PosixRelay&) = delete;

  // Makes the calls and says how each ended, after `within` at the latest. What the work of a call
  // that did not return in time writes may change at any later moment: only Returned makes it
  // readable. Any thread; a second run waits for the first, in its own time.
  [[nodiscard]] std::vector<Outcome> run(std::vector<Call> calls, Duration within);
  // Calls that were given up and have not returned yet. Any thread.
  [[nodiscard]] std::size_t parked() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with every thread
};

}  // namespace muster::collector
