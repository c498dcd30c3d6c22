// What becomes of a blocking read that another agent has forwarded?
//
// A driver (asio), for the control thread of a master. It is held until a published view has news
// for it, or its time is over: then it is answered 304, and the agent, whose client may wait
// longer, asks again. A read that does not block is answered at once.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "agent/changes.h"
#include "agent/view.h"
#include "base/ids.h"
#include "base/rpc.h"

namespace muster::agent {

// So long at most is one held; agents ask for less than they wait for an answer.
inline constexpr Duration kHeldMax = std::chrono::seconds(4);

class AsioHeldReads {
 public:
  using Send = std::function<void(StreamId, rpc::ReadReply)>;

  // `send` may be given streams that are closed by now.
  AsioHeldReads(asio::io_context& io, Send send) : timer_(io), send_(std::move(send)) {}

  // `view` is the newest.
  void answer(StreamId stream, const rpc::Read& read, const std::shared_ptr<const View>& view);
  void published(const std::shared_ptr<const View>& view);

 private:
  struct Held {
    StreamId stream = 0;
    rpc::Read read;
    Blocking blocking;
    std::chrono::steady_clock::time_point until;
  };
  void reply(StreamId stream, const rpc::Read& read, const View& view);
  void give_up();

  asio::steady_timer timer_;
  Send send_;
  Changes changes_;
  std::list<Held> held_;
  bool armed_ = false;
};

}  // namespace muster::agent
