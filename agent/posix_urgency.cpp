#include "agent/posix_urgency.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace muster::agent {
namespace {

constexpr std::uint64_t kShortestTurn = 100'000;  // nanoseconds

// What sched_setattr(2) takes. The C library has none before its 2.41, and the kernel's header
// cannot be read together with <sched.h>.
struct Attributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime;  // nanoseconds, as the two that follow
  std::uint64_t deadline;
  std::uint64_t period;
};
static_assert(sizeof(Attributes) == 48);

// Of the calling thread; 0 or what was wrong.
int schedule(int nice, std::uint64_t flags) {
  Attributes wanted{};
  wanted.size = sizeof wanted;
  wanted.policy = SCHED_NORMAL;
  wanted.flags = flags;
  wanted.nice = nice;
  wanted.runtime = kShortestTurn;
  return ::syscall(SYS_sched_setattr, 0, &wanted, 0U) == 0 ? 0 : errno;
}

}  // namespace

Status take_precedence() {
  const int nice = ::getpriority(PRIO_PROCESS, 0);  // of this thread, on Linux
  // With a nice value of somebody's, what is made later begins with that, as it always did.
  if (nice != 0) {
    const int error = schedule(nice, 0);
    if (error == 0) return {};
    return fail(Code::PermissionDenied, std::generic_category().message(error));
  }
  const int error = schedule(kUrgentNice, SCHED_FLAG_RESET_ON_FORK);
  if (error == 0) return {};
  (void)schedule(nice, SCHED_FLAG_RESET_ON_FORK);
  return fail(Code::PermissionDenied, std::generic_category().message(error));
}

}  // namespace muster::agent
