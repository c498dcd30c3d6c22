// When, if at all, is a process that ended started again?
//
// A core: no clock, no process. Owned by the control thread. Back-off as in Kubernetes: the first
// wait doubles up to a cap; a process that ran for twice the cap starts over at the first wait.
#pragma once

#include <optional>

#include "base/time.h"
#include "base/workload.h"

namespace muster::health {

class RestartPolicy {
 public:
  // Pre: 0 < spec.initial <= spec.cap.
  explicit RestartPolicy(const RestartSpec& spec) : spec_(spec), wait_(spec.initial) {}

  // The process ended after it `ran`. `failed`: exit status not 0, a signal, or killed because of
  // its liveness probe. Returns how long to wait before the next start; nothing: do not restart.
  [[nodiscard]] std::optional<Duration> on_exit(bool failed, Duration ran);
  // An operator asked for a restart: the next exit is restarted at once whatever the spec says,
  // and is not counted.
  void on_manual_restart() { manual_ = true; }

 private:
  RestartSpec spec_;
  Duration wait_;  // before the next start
  bool manual_ = false;
};

}  // namespace muster::health
