// How does a thread wait for a descriptor and still be woken by another?
//
// Driver (poll, eventfd).
#pragma once

#include "base/posix_file.h"
#include "base/time.h"

namespace muster::collector {

class Wakeup {
 public:
  Wakeup();  // CHECKs that there is a descriptor left

  // Any thread. The next wait(), or the one under way, returns at once; so do all after it.
  void wake();
  // Until `events` (of poll) are there on `descriptor`, which may be -1, or it is woken, or for as
  // long as `most`. The thread of the owner.
  void wait(int descriptor, int events, Duration most) const;

 private:
  Descriptor woken_;
};

}  // namespace muster::collector
