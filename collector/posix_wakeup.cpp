#include "collector/posix_wakeup.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"

namespace muster::collector {

Wakeup::Wakeup() : woken_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(woken_.good()); }

void Wakeup::wake() {
  const std::uint64_t one = 1;
  (void)!::write(woken_.get(), &one, sizeof one);
}

void Wakeup::wait(int descriptor, int events, Duration most) const {
  using std::chrono::milliseconds;
  std::array<pollfd, 2> both{
      {{woken_.get(), POLLIN, 0}, {descriptor, static_cast<short>(events), 0}}};
  const auto wait = std::clamp<std::int64_t>(std::chrono::ceil<milliseconds>(most).count(), 0,
                                             milliseconds(std::chrono::hours(1)).count());
  (void)::poll(both.data(), both.size(), static_cast<int>(wait));
}

}  // namespace muster::collector
