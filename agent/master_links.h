// How do consensus messages reach the other masters?
//
// A core; owned by Node. One outgoing stream to each other master, opened when there is something
// to say, reopened with back-off. A short queue bridges the opening; what does not fit is dropped,
// as a network would: consensus sends again.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "agent/streams.h"
#include "base/ids.h"
#include "base/raft_types.h"
#include "base/rpc.h"
#include "base/time.h"

namespace muster::agent {

struct LinkLost {  // an established stream broke: a hint that the master may be gone
  NodeName master;
};
struct LinkRefused {  // the other master does not accept this one; tried again later
  NodeName master;
  rpc::HelloReply reply;
};
struct LinkAnswered {  // the other master took the Hello
  NodeName master;
  rpc::HelloReply reply;
};
using LinkEffect =
    std::variant<OpenStream, SendFrame, CloseStream, LinkLost, LinkRefused, LinkAnswered>;

class MasterLinks {
 public:
  MasterLinks(rpc::Hello hello, const std::map<NodeName, Address>& others, StreamIds& ids);

  // From now on these are the others. Streams to those that are not among them are closed.
  void set_others(const std::map<NodeName, Address>& others);
  // From now on Hellos say this: who refused the last one may take it, and is asked at once.
  void set_hello(rpc::Hello hello);
  // Asks each for its answer to the Hello, over a stream that is opened where there is none.
  void greet(Instant now);
  // Opens a stream at once where there is none, whatever the back-off: to see who answers.
  void knock(const NodeName& master, Instant now);
  void send(const NodeName& to, raft::Message message, Instant now);
  [[nodiscard]] bool owns(StreamId stream) const { return by_stream_.contains(stream); }
  // Whom the stream leads to; empty: it is none of ours.
  [[nodiscard]] NodeName peer_of(StreamId stream) const;
  [[nodiscard]] std::vector<StreamId> streams() const;  // those that were not closed
  void on_reached(StreamId stream, Instant now);        // its host is there: TLS begins
  void on_opened(StreamId stream);
  void on_closed(StreamId stream, Instant now);
  void on_frame(StreamId stream, const rpc::Frame& frame, Instant now);
  [[nodiscard]] std::vector<LinkEffect> take_effects();

 private:
  struct Link {
    Address to;
    StreamId stream = 0;  // 0: closed
    bool open = false;
    Instant give_up_at{};  // while it is being opened
    Instant retry_at{};
    Duration retry{};
    std::deque<raft::Message> waiting;
  };
  bool open(const NodeName& master, Link& link, Instant now);
  void lost(const NodeName& master, Link& link, Instant now);

  rpc::Hello hello_;
  std::map<NodeName, Link> links_;
  std::map<StreamId, NodeName> by_stream_;
  StreamIds& ids_;
  std::vector<LinkEffect> effects_;
};

}  // namespace muster::agent
