#include "agent/trust.h"

#include <utility>

#include "agent/electorate.h"

namespace muster::agent {

std::string Trust::admit(StreamId stream, const std::optional<PeerIdentity>& peer) {
  if (!secured_) return {};
  if (!peer) return "the other side has proved nothing";
  if (peer->cluster != cluster_) {
    return "its certificate is for cluster \"" + peer->cluster + "\", this is \"" + cluster_ + "\"";
  }
  if (revoked_.contains(peer->serial)) {
    return "the certificate " + peer->serial + " of " + peer->name +
           " is revoked: join it again with a new token";
  }
  streams_[stream] = *peer;
  return {};
}

std::string Trust::admit_master(StreamId stream, const std::optional<PeerIdentity>& peer,
                                const NodeName& expected) {
  if (std::string why = admit(stream, peer); !why.empty() || !secured_) return why;
  std::string why;
  if (peer->name != expected && !is_unnamed(expected)) {
    why = "there is node " + peer->name + ", not " + expected;
  } else if (!peer->master) {
    why = peer->name + " has no certificate of a master";
  }
  if (!why.empty()) streams_.erase(stream);
  return why;
}

std::string Trust::objection(StreamId stream, const rpc::Hello& hello) const {
  if (!secured_) return {};
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return "the other side has proved nothing";
  const PeerIdentity& peer = found->second;
  if (hello.from != peer.name) {
    return "it calls itself \"" + hello.from + "\", its certificate is that of " + peer.name +
           ": set node.name to the name that it joined with";
  }
  if (hello.purpose == rpc::Purpose::Master && !peer.master) {
    return "the certificate of " + peer.name +
           " is that of an agent: join it again with a token for masters";
  }
  return {};
}

bool Trust::vouches(StreamId stream) const {
  if (!secured_) return true;
  const auto found = streams_.find(stream);
  return found != streams_.end() && found->second.master;
}

std::optional<PeerIdentity> Trust::peer_of(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found != streams_.end() ? std::optional(found->second) : std::nullopt;
}

std::vector<StreamId> Trust::revoke(std::set<std::string> serials) {
  revoked_ = std::move(serials);
  std::vector<StreamId> out;
  for (auto it = streams_.begin(); it != streams_.end();) {
    if (!revoked_.contains(it->second.serial)) {
      ++it;
      continue;
    }
    out.push_back(it->first);
    it = streams_.erase(it);
  }
  return out;
}

}  // namespace muster::agent
