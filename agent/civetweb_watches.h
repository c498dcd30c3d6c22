// How do blocking reads and watches learn that there is something new, without asking again?
//
// A part of agent/civetweb_server.h: they wait here until a view is published that has news for
// them. The control thread publishes; each of the server's threads waits for itself.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>

#include "agent/changes.h"
#include "agent/civetweb_desk.h"
#include "agent/view.h"
#include "base/time.h"

namespace muster::agent {

class Watches {
 public:
  // The control thread, after each published view. Costs next to nothing while nobody waits.
  void published(const std::shared_ptr<const View>& view);

  // Returns when there is news for `read`, or `patience` is over, or the server stops; at once when
  // there is news already. `read.index` is then how far there was none. False: no news.
  bool wait(Blocking& read, Duration patience, Desk& desk);

 private:
  struct Waiter : Awaited {
    explicit Waiter(const Blocking& what) : read(what) {}
    void wake();
    bool await(Duration patience);
    Blocking read;  // under Watches::mutex_
    bool woken = false;
  };

  std::mutex mutex_;
  Changes changes_;
  std::list<Waiter*> waiters_;
};

}  // namespace muster::agent
