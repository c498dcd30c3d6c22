#include "agent/posix_urgency.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <linux/sched.h>
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

// Of the calling thread; 0 or what was wrong. What it makes later begins without the turns, and
// without a nice value below 0.
int schedule(int nice) {
  Attributes wanted{};
  wanted.size = sizeof wanted;
  wanted.policy = SCHED_NORMAL;
  wanted.flags = SCHED_FLAG_RESET_ON_FORK;
  wanted.nice = nice;
  wanted.runtime = kShortestTurn;
  return ::syscall(SYS_sched_setattr, 0, &wanted, 0U) == 0 ? 0 : errno;
}

Status had(int error) {
  if (error == 0) return {};
  const bool forbidden = error == EPERM || error == EACCES;
  return fail(forbidden ? Code::PermissionDenied : Code::Internal,
              "sched_setattr: " + std::generic_category().message(error));
}

}  // namespace

Status take_precedence() {
  Attributes now{};
  if (::syscall(SYS_sched_getattr, 0, &now, sizeof now, 0U) != 0) return had(errno);
  if (now.policy != SCHED_NORMAL || now.nice < 0) return {};
  if (now.nice > 0) return had(schedule(now.nice));
  const int error = schedule(kUrgentNice);
  if (error != 0) (void)schedule(now.nice);
  return had(error);
}

}  // namespace muster::agent
