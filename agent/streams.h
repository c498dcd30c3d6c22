// How do the cores of an agent ask for RPC streams?
//
// Effects and their answers. Stream ids that a core makes are odd; those of accepted streams are
// given by the runtime and even.
#pragma once

#include <string>
#include <variant>

#include "base/ids.h"
#include "base/rpc.h"
#include "base/time.h"

namespace muster::agent {

struct OpenStream {  // answered by exactly one StreamOpened or StreamClosed
  StreamId stream = 0;
  Address to;
};
struct SendFrame {  // dropped in silence when the stream is closed meanwhile
  StreamId stream = 0;
  rpc::Frame frame;
};
struct CloseStream {  // what was sent before is flushed; nothing more is heard of the stream
  StreamId stream = 0;
  std::string why;
};
using StreamEffect = std::variant<OpenStream, SendFrame, CloseStream>;

// One per Node: all cores draw from it.
class StreamIds {
 public:
  StreamId next() { return last_ += 2; }

 private:
  StreamId last_ = static_cast<StreamId>(-1);  // the first is 1
};

}  // namespace muster::agent
