#include "agent/log_disk.h"

#include <algorithm>

namespace muster::agent {

void LogDisk::on_durable(std::uint64_t ticket) {
  while (!open_.empty() && open_.front().ticket <= ticket) open_.pop_front();
}

void LogDisk::on_health(bool failing, Instant now) {
  errors_ = failing;
  if (!failing) {
    for (Write& write : open_) write.at = now;  // only now is it tried again
  }
  if (!this->failing()) hand_over_at_ = kNever;
  if (failing && hand_over_at_ == kNever) hand_over_at_ = now + patience_;
}

std::optional<std::string> LogDisk::look(Instant now) {
  if (errors_) hangs_ = false;  // it speaks for itself
  if (overdue(now) == hangs_) return std::nullopt;
  hangs_ = !hangs_;
  if (hangs_) {
    hand_over_at_ = std::min(hand_over_at_, now);
    return "the disk of the consensus log does not answer: a write waits for " +
           std::to_string(
               std::chrono::duration_cast<std::chrono::milliseconds>(now - open_.front().at)
                   .count()) +
           " ms";
  }
  if (!errors_) hand_over_at_ = kNever;
  return "the disk of the consensus log answers again";
}

bool LogDisk::is_time_to_hand_over(Instant now) {
  if (now < hand_over_at_) return false;
  hand_over_at_ = now + patience_;
  return true;
}

Instant LogDisk::deadline() const {
  if (hangs_ || errors_ || open_.empty()) return hand_over_at_;
  return std::min(hand_over_at_, open_.front().at + patience_);
}

}  // namespace muster::agent
