// How short of CPU time is this machine?
//
// Driver (Asio, and /proc/pressure/cpu through the host's files). Runs on the thread of the given
// io_context; once a second it reports the worst lateness that it was told of since, and the share
// of that second in which some task waited for a CPU. health::strain_floor() makes sense of both.
#pragma once

#include <functional>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "base/time.h"
#include "collector/posix_host_fs.h"

namespace muster::agent {

class AsioStrain {
 public:
  // `clock`: time since boot. Pre: `files` outlives this object.
  AsioStrain(asio::io_context& context, const collector::PosixHostFs& files,
             std::function<Duration()> clock, std::function<void(Duration, double)> report);

  void start();               // reports at once for the first time
  void on_lag(Duration lag);  // the control loop ran what was due so much too late

 private:
  void feel();

  asio::steady_timer timer_;
  const collector::PosixHostFs& files_;
  std::function<Duration()> clock_;
  std::function<void(Duration, double)> report_;
  Duration worst_lag_{};
  Duration felt_at_{};  // since boot; 0: not yet
  Duration waited_{};   // of all tasks, up to then
};

}  // namespace muster::agent
