// When is Node to be told of the time, and how late was that?
//
// Driver (Asio). Runs on the thread of the given io_context, as whoever calls arm() does.
#pragma once

#include <functional>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "base/time.h"

namespace muster::agent {

class AsioDeadline {
 public:
  // `deadline` says when something is due; then `due` is told how late the loop comes to it. Who
  // decides what was due long ago makes nobody late: that is due when it is decided.
  AsioDeadline(asio::io_context& context, std::function<Instant()> deadline,
               std::function<void(Duration late)> due);

  void arm(Instant decided_at);  // the deadline may have changed then

 private:
  void woken();

  asio::steady_timer timer_;
  std::function<Instant()> deadline_;
  std::function<void(Duration)> due_;
  Instant armed_for_ = kNever;  // a deadline
  Instant due_at_ = kNever;     // what lateness is counted from
};

}  // namespace muster::agent
