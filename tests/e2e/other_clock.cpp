// What happens to an agent whose clock is wrong? Preloaded into one (LD_PRELOAD), this makes the
// wall clock say what it says plus OTHER_CLOCK_SECONDS seconds; the clocks that nobody sets go on.
#include <cstdlib>

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace {

time_t ahead() {
  static const time_t seconds = [] {
    const char* const text = std::getenv("OTHER_CLOCK_SECONDS");
    return text == nullptr ? 0 : static_cast<time_t>(std::strtoll(text, nullptr, 10));
  }();
  return seconds;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* at) noexcept {
  const long failed = syscall(SYS_clock_gettime, clock, at);
  const bool of_the_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (failed == 0 && of_the_wall) at->tv_sec += ahead();
  return static_cast<int>(failed);
}

int gettimeofday(timeval* at, void* /*zone*/) noexcept {
  timespec now{};
  const int failed = clock_gettime(CLOCK_REALTIME, &now);
  *at = {now.tv_sec, static_cast<suseconds_t>(now.tv_nsec / 1000)};
  return failed;
}

time_t time(time_t* at) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != nullptr) *at = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
