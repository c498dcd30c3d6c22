#include "agent/asio_deadline.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/posix_clock.h"

namespace muster::agent {
namespace {

constexpr Duration kLongest = std::chrono::hours(1);  // asleep at a stretch

}  // namespace

AsioDeadline::AsioDeadline(asio::io_context& context, std::function<Instant()> deadline,
                           std::function<void(Duration late)> due)
    : timer_(context), deadline_(std::move(deadline)), due_(std::move(due)) {}

// A deadline that moves away, as most do with every heartbeat, leaves the timer alone: it wakes
// once too early and is set anew, which costs less than setting it each time.
void AsioDeadline::arm(Instant decided_at) {
  const Instant deadline = deadline_();
  if (deadline >= armed_for_) return;
  armed_for_ = deadline;
  due_at_ = std::min(due_at_, std::max(deadline, decided_at));  // what is late already stays late
  timer_.expires_after(std::clamp<Duration>(deadline - control_now(), Duration::zero(), kLongest));
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) woken();
  });
}

void AsioDeadline::woken() {
  const Instant due_at = std::exchange(due_at_, kNever);
  armed_for_ = kNever;
  const Instant now = control_now();
  if (now < deadline_()) return arm(now);
  due_(std::max(Duration::zero(), now - due_at));
}

}  // namespace muster::agent
