// Does the disk under the consensus log do what it is asked for?
//
// A core; owned by Master. A disk that fails says so; one that hangs says nothing: it is one whose
// oldest write waits for longer than the patience. A coordinator on either hands over. Snapshots
// are large, and not waited for.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/time.h"

namespace muster::agent {

class LogDisk {
 public:
  // `patience`: how long a coordinator stays in office on a disk that fails or hangs.
  explicit LogDisk(Duration patience) : patience_(patience) {}

  // A vote or entries with this ticket, the highest yet, are to be made durable.
  void asked(std::uint64_t ticket, Instant now) { open_.push_back({ticket, now}); }
  // All up to `ticket` are.
  void on_durable(std::uint64_t ticket);
  // The last write failed, or succeeded after some that failed.
  void on_health(bool failing, Instant now);

  // Looks whether it hangs. What is new for people, if anything is.
  [[nodiscard]] std::optional<std::string> look(Instant now);
  [[nodiscard]] bool failing() const { return errors_ || hangs_; }
  [[nodiscard]] bool hangs() const { return hangs_; }
  // A coordinator has put up with it for long enough; true again after another patience.
  [[nodiscard]] bool is_time_to_hand_over(Instant now);
  [[nodiscard]] Instant deadline() const;

 private:
  struct Write {
    std::uint64_t ticket;
    Instant at;
  };
  [[nodiscard]] bool overdue(Instant now) const {
    return !errors_ && !open_.empty() && now - open_.front().at >= patience_;
  }

  Duration patience_;
  std::deque<Write> open_;
  bool errors_ = false;
  bool hangs_ = false;
  Instant hand_over_at_ = kNever;
};

}  // namespace muster::agent
