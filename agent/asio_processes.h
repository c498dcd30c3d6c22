// Who starts, watches and signals the workloads' processes for the control thread?
//
// A driver (Asio around failover/posix_processes). Starting blocks, so it runs on a small pool; the
// end of a process is seen through its pidfd on the control thread's io_context. Lives on and is
// called from the control thread; answers are Events.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/node.h"

namespace asio {
class io_context;
}

namespace muster::agent {

class AsioProcesses {
 public:
  // `log_dir`: where the output of instance N goes, as N.log. `post` is called on the control
  // thread.
  AsioProcesses(asio::io_context& io, std::string log_dir, std::function<void(Event)> post);
  ~AsioProcesses();  // processes live on

  void start(const StartProcess& order);
  void watch(const WatchProcess& order);
  void signal(const SignalProcess& order);
  // An exec probe: runs probe.command as the workload would, ends its group at the timeout.
  void check(const RunCheck& order);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// Which of the stored instances still run, a process that was started but not saved included.
std::vector<RecoveredInstance> recover(std::vector<StoredInstance> stored,
                                       const std::string& cluster);

}  // namespace muster::agent
