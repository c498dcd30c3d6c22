#include "agent/trust.h"

#include <utility>

#include "agent/electorate.h"

namespace muster::agent {

std::string Trust::refusal(const std::optional<PeerIdentity>& peer) const {
  if (!peer) return "the other side has proved nothing";
  if (peer->cluster != cluster_) {
    return "its certificate is for cluster \"" + peer->cluster + "\", this is \"" + cluster_ + "\"";
  }
  if (revoked_.contains(peer->serial)) {
    return "the certificate " + peer->serial + " of " + peer->name +
           " is revoked: join it again with a new token";
  }
  return {};
}

std::string Trust::admit(StreamId stream, const std::optional<PeerIdentity>& peer) {
  if (!secured_) return {};
  if (std::string why = refusal(peer); !why.empty()) return why;
  streams_[stream] = *peer;
  accepted_[peer->name].insert(stream);
  by_expiry_.emplace(peer->expires, stream);
  return {};
}

void Trust::forget(StreamId stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  const auto peer = accepted_.find(found->second.name);
  if (peer != accepted_.end()) {
    peer->second.erase(stream);
    if (peer->second.empty()) accepted_.erase(peer);
  }
  by_expiry_.erase({found->second.expires, stream});
  streams_.erase(found);
}

std::optional<StreamId> Trust::surplus(StreamId stream) const {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return std::nullopt;
  const auto peer = accepted_.find(found->second.name);
  if (peer == accepted_.end() || peer->second.size() <= kStreamsOfPeerMax) return std::nullopt;
  return *peer->second.begin();
}

std::optional<StreamId> Trust::expired(WallTime now) const {
  if (by_expiry_.empty() || by_expiry_.begin()->first > now) return std::nullopt;
  return by_expiry_.begin()->second;
}

void Trust::renewed(StreamId stream, const std::string& serial, WallTime expires) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || by_expiry_.erase({found->second.expires, stream}) == 0) return;
  found->second.serial = serial;
  found->second.expires = expires;
  by_expiry_.emplace(expires, stream);
}

std::string Trust::admit_master(StreamId stream, const std::optional<PeerIdentity>& peer,
                                const NodeName& expected) {
  if (!secured_) return {};
  if (std::string why = refusal(peer); !why.empty()) return why;
  if (peer->name != expected && !is_unnamed(expected)) {
    return "there is node " + peer->name + ", not " + expected;
  }
  if (!peer->master) return peer->name + " has no certificate of a master";
  streams_[stream] = *peer;
  return {};
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
  for (const auto& [stream, peer] : streams_) {
    if (revoked_.contains(peer.serial)) out.push_back(stream);
  }
  for (const StreamId stream : out) forget(stream);
  return out;
}

}  // namespace muster::agent
