// How does an agent find the coordinator and stay registered with it?
//
// A core; owned by Node, never does IO. It asks one known master after another who the coordinator
// is; a master that does not know keeps the stream and answers again when it does. Registered, it
// sends heartbeats; a broken or silent stream starts the search anew, at once.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/streams.h"
#include "base/rng.h"
#include "base/rpc.h"
#include "base/time.h"
#include "failover/lease.h"

namespace muster::agent {

struct SessionOptions {
  Duration connect_timeout = std::chrono::milliseconds(500);  // until the master's host answers
  // From then on for the handshake, and for the HelloReply. Doubles, up to the cap, whenever all
  // masters have left it at that: one whom a thousand ask at once needs its time, and who gives up
  // and asks again makes it do the work twice. The first reply sets it back.
  Duration reply_timeout = std::chrono::milliseconds(2000);
  Duration reply_timeout_cap = std::chrono::milliseconds(8000);
  Duration patience = std::chrono::milliseconds(1000);  // with a master that knows nobody
  Duration heartbeat_interval = std::chrono::milliseconds(400);
  Duration silence_max = std::chrono::milliseconds(2000);  // no ack: the stream is dead
  Duration doubt_max = std::chrono::milliseconds(200);     // likewise, once another is said to lead
  // Such words are not heeded more often; doubles up to the cap until an agent is registered.
  Duration word_interval = std::chrono::seconds(1);
  Duration word_interval_cap = std::chrono::seconds(16);
  Duration retry_initial = std::chrono::milliseconds(20);  // doubles up to the cap
  Duration retry_cap = std::chrono::milliseconds(500);
};

struct SessionUp {  // registered: Node sends Register itself through send()
  NodeName coordinator;
};
struct SessionDown {
  NodeName coordinator;  // the one that was lost
  std::string why;
};
struct SessionRefused {  // final: this agent must not go on as it is
  std::string why;
};
struct SessionRebuffed {  // by one master; others may take this agent: the search goes on
  std::string why;
};
using SessionEffect = std::variant<OpenStream, SendFrame, CloseStream, SessionUp, SessionDown,
                                   SessionRefused, SessionRebuffed>;

class Session {
 public:
  // `masters`: not empty. `hello`: sent on every stream.
  Session(SessionOptions options, std::vector<std::pair<NodeName, Address>> masters,
          rpc::Hello hello, StreamIds& ids, Rng& rng, Instant now);

  [[nodiscard]] bool owns(StreamId stream) const { return stream != 0 && stream == stream_; }
  // The host at the other end is there; the handshake is still to come.
  void on_reached(StreamId stream, Instant now);
  void on_opened(StreamId stream, Instant now);
  void on_closed(StreamId stream, const std::string& why, Instant now);
  // HelloReply and HeartbeatAck; other frames are Node's business.
  void on_frame(StreamId stream, const rpc::Frame& frame, Instant now);
  // This node, a master itself, learnt who the coordinator is.
  void on_coordinator(const NodeName& name, Instant now);
  // Word of mouth has it that this master became coordinator in `term`. An agent without a
  // coordinator asks it next; a registered one makes sure first that it has lost its own.
  void on_leader_heard(const NodeName& name, std::uint64_t term, Instant now);
  // These are the masters now, as the cluster says; the configured ones are asked only when none of
  // them answers. An empty list changes nothing.
  void on_masters(const std::vector<rpc::MasterAddress>& masters);
  // From now on heartbeats say this: what a master's state has come to, and how its disk is.
  void set_vitals(std::uint64_t applied, bool disk_failing) {
    applied_ = applied;
    disk_failing_ = disk_failing;
  }
  // From now on heartbeats say what this clock says.
  void set_wall(const WallAnchor& wall) { wall_ = wall; }
  // From now on Hellos say this.
  void set_cluster_id(const std::string& id) { hello_.cluster_id = id; }

  // Sends on the registered stream; false, and nothing sent, when there is none.
  bool send(rpc::Frame frame);

  void tick(Instant now);
  [[nodiscard]] Instant deadline() const { return deadline_; }
  [[nodiscard]] std::vector<SessionEffect> take_effects();

  [[nodiscard]] bool registered() const { return state_ == State::Registered; }
  // Whom the present stream leads to; empty: there is none.
  [[nodiscard]] NodeName peer() const { return stream_ == 0 ? NodeName() : peer_; }
  // Of the registered stream, or the last one heard of; may be empty.
  [[nodiscard]] const NodeName& coordinator() const { return coordinator_; }
  [[nodiscard]] const failover::LeaseHolder& lease() const { return lease_; }
  // The coordinator's wall clock and the own one, at its last word; nothing when it does not say.
  struct Clocks {
    WallTime there{};
    WallTime here{};
  };
  [[nodiscard]] const std::optional<Clocks>& clocks() const { return clocks_; }

 private:
  enum class State { Idle, Connecting, Shaking, Asking, Waiting, Registered };

  void connect(NodeName name, Address to, Instant now);
  void connect_next(Instant now);
  void drop(const std::string& why, Instant retry_at);
  void give_up(const std::string& why, Instant now);
  void avoid_coordinator(Instant now);
  void beat(Instant now);
  void on_reply(const rpc::HelloReply& reply, Instant now);
  [[nodiscard]] std::optional<Address> address_of(const NodeName& name) const;

  SessionOptions options_;
  std::vector<std::pair<NodeName, Address>> configured_;
  std::vector<std::pair<NodeName, Address>> masters_;  // as told, then the configured ones
  rpc::Hello hello_;
  StreamIds& ids_;
  Rng& rng_;
  State state_ = State::Idle;
  StreamId stream_ = 0;  // 0: none
  NodeName peer_;        // at the other end of stream_
  NodeName coordinator_;
  NodeName unreachable_;  // a coordinator whose stream broke or was refused
  Instant unreachable_until_{};
  NodeName successor_;  // who is said to lead, while it is not sure that ours is gone; else empty
  std::uint64_t doubt_beat_ = 0;  // the heartbeat whose answer ends the doubt
  Instant doubt_ends_{};
  Duration word_wait_;
  Instant next_word_{};  // none is heeded before
  std::size_t next_master_ = 0;
  Duration retry_;
  Duration reply_timeout_;
  std::size_t unanswered_ = 0;     // masters that let it pass, since it was set
  bool accepted_ = false;          // some master has found the Hello good
  std::set<NodeName> refused_by_;  // since then, or since the start
  Instant deadline_;
  Instant last_ack_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t applied_ = 0;
  bool disk_failing_ = false;
  WallAnchor wall_;
  std::optional<Clocks> clocks_;
  failover::LeaseHolder lease_;
  std::vector<SessionEffect> effects_;
};

}  // namespace muster::agent
