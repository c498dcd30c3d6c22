// Which peers may this agent talk to, and as whom?
//
// A core; owned by Node. In a secured cluster whoever is at the other end of a stream has proved in
// the handshake which node it is; this remembers it for as long as the stream lives, compares it
// with what is said on the stream, and ends the streams of nodes whose certificates are revoked or
// have expired, and those of a node that has too many. In a plain cluster nobody proves anything
// and everybody is believed.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/streams.h"
#include "base/identity.h"
#include "base/ids.h"
#include "base/rpc.h"

namespace muster::agent {

class Trust {
 public:
  // That one node may have here at once: one as an agent, one as a master, and as many again that
  // were lost without a word.
  static constexpr std::size_t kStreamsOfPeerMax = 4;

  Trust(bool secured, std::string cluster) : secured_(secured), cluster_(std::move(cluster)) {}

  [[nodiscard]] bool secured() const { return secured_; }

  // A stream stands. Why it must be closed at once; empty: it stays, and is remembered.
  [[nodiscard]] std::string admit(StreamId stream, const std::optional<PeerIdentity>& peer);
  // The oldest of the streams that the node at the other end of this one opened, when it has too
  // many.
  [[nodiscard]] std::optional<StreamId> surplus(StreamId stream) const;
  // As admit(), for a stream that was opened here to reach the master `expected`.
  [[nodiscard]] std::string admit_master(StreamId stream, const std::optional<PeerIdentity>& peer,
                                         const NodeName& expected);
  // Why the Hello that came on an admitted stream is not believed; empty: it is.
  [[nodiscard]] std::string objection(StreamId stream, const rpc::Hello& hello) const;
  // Whoever is there may say what a client is allowed to: a master, or anybody in a plain cluster.
  [[nodiscard]] bool vouches(StreamId stream) const;
  // Who has proved to be there; nothing in a plain cluster.
  [[nodiscard]] std::optional<PeerIdentity> peer_of(StreamId stream) const;
  // Must come for every stream that ends, also for one that this agent closes.
  void forget(StreamId stream);
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }
  // A stream that its node opened with a certificate that has expired: it must be closed, unless
  // the node has renewed it meanwhile.
  [[nodiscard]] std::optional<StreamId> expired(WallTime now) const;
  // The node at the other end has this certificate in the place of the one that it showed.
  void renewed(StreamId stream, const std::string& serial, WallTime expires);

  // From now on these serials are refused, and no others. The streams that must be closed.
  [[nodiscard]] std::vector<StreamId> revoke(std::set<std::string> serials);
  [[nodiscard]] const std::set<std::string>& revoked() const { return revoked_; }

 private:
  [[nodiscard]] std::string refusal(const std::optional<PeerIdentity>& peer) const;

  bool secured_;
  std::string cluster_;
  std::set<std::string> revoked_;
  std::map<StreamId, PeerIdentity> streams_;
  // Of those that their nodes opened; ids rise.
  std::set<std::pair<WallTime, StreamId>> by_expiry_;
  std::map<NodeName, std::set<StreamId>> accepted_;
};

}  // namespace muster::agent
