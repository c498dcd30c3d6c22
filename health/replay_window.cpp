#include "health/replay_window.h"

#include "base/error.h"

namespace muster::health {

bool ReplayWindow::is_new(std::uint64_t number) const {
  if (empty_ || number > highest_) return true;
  if (highest_ - number >= kBits) return false;
  return !seen_.test(static_cast<std::size_t>(number % kBits));
}

void ReplayWindow::take(std::uint64_t number) {
  CHECK(is_new(number));
  if (empty_ || (number > highest_ && number - highest_ >= kBits)) {
    seen_.reset();
    highest_ = number;
  }
  while (highest_ < number) seen_.reset(static_cast<std::size_t>(++highest_ % kBits));
  seen_.set(static_cast<std::size_t>(number % kBits));
  empty_ = false;
}

}  // namespace muster::health
