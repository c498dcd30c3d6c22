#include "agent/master_links.h"

#include <algorithm>
#include <utility>

namespace muster::agent {
namespace {

constexpr Duration kRetryInitial = std::chrono::milliseconds(20);
constexpr Duration kRetryCap = std::chrono::milliseconds(500);
constexpr Duration kRefusedRetry = std::chrono::seconds(5);
constexpr std::size_t kWaitingMax = 64;
// A host that is off answers no connection attempt, and the kernel would try for minutes.
constexpr Duration kConnectPatience = std::chrono::milliseconds(500);
// A coordinator to whom a thousand agents come at once has other handshakes to do as well.
constexpr Duration kHandshakePatience = std::chrono::seconds(2);

}  // namespace

MasterLinks::MasterLinks(rpc::Hello hello, const std::map<NodeName, Address>& others,
                         StreamIds& ids)
    : ids_(ids) {
  set_hello(std::move(hello));
  set_others(others);
}

void MasterLinks::set_hello(rpc::Hello hello) {
  hello_ = std::move(hello);
  hello_.purpose = rpc::Purpose::Master;
  for (auto& [name, link] : links_) link.retry_at = {};
}

void MasterLinks::set_others(const std::map<NodeName, Address>& others) {
  for (auto it = links_.begin(); it != links_.end();) {
    const auto wanted = others.find(it->first);
    if (wanted != others.end() && wanted->second == it->second.to) {
      ++it;
      continue;
    }
    if (it->second.stream != 0) {
      effects_.emplace_back(CloseStream{it->second.stream, it->first + " is no master there"});
      by_stream_.erase(it->second.stream);
    }
    it = links_.erase(it);
  }
  for (const auto& [name, address] : others) {
    Link link;
    link.to = address;
    link.retry = kRetryInitial;
    links_.emplace(name, std::move(link));  // not if it is there
  }
}

NodeName MasterLinks::peer_of(StreamId stream) const {
  const auto found = by_stream_.find(stream);
  return found == by_stream_.end() ? NodeName() : found->second;
}

std::vector<StreamId> MasterLinks::streams() const {
  std::vector<StreamId> out;
  for (const auto& [stream, master] : by_stream_) out.push_back(stream);
  return out;
}

void MasterLinks::greet(Instant now) {
  for (auto& [name, link] : links_) {
    if (link.open) {
      effects_.emplace_back(SendFrame{link.stream, hello_});
    } else {
      open(name, link, now);
    }
  }
}

void MasterLinks::knock(const NodeName& master, Instant now) {
  const auto found = links_.find(master);
  if (found == links_.end()) return;
  found->second.retry_at = now;
  open(master, found->second, now);
}

// True: a stream stands or is being opened.
bool MasterLinks::open(const NodeName& master, Link& link, Instant now) {
  if (link.stream != 0 && !link.open && now >= link.give_up_at) {
    effects_.emplace_back(CloseStream{link.stream, "no answer in time"});
    by_stream_.erase(link.stream);
    lost(master, link, now);
  }
  if (link.stream != 0) return true;
  if (now < link.retry_at) return false;
  link.stream = ids_.next();
  link.give_up_at = now + kConnectPatience;
  by_stream_[link.stream] = master;
  effects_.emplace_back(OpenStream{link.stream, link.to});
  return true;
}

void MasterLinks::send(const NodeName& to, raft::Message message, Instant now) {
  const auto found = links_.find(to);
  if (found == links_.end()) return;
  Link& link = found->second;
  if (link.open) {
    effects_.emplace_back(SendFrame{link.stream, rpc::Consensus{std::move(message)}});
    return;
  }
  if (!open(to, link, now)) return;
  if (link.waiting.size() >= kWaitingMax) link.waiting.pop_front();
  link.waiting.push_back(std::move(message));
}

void MasterLinks::on_reached(StreamId stream, Instant now) {
  const auto found = by_stream_.find(stream);
  if (found != by_stream_.end()) links_.at(found->second).give_up_at = now + kHandshakePatience;
}

void MasterLinks::on_opened(StreamId stream) {
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  Link& link = links_.at(found->second);
  link.open = true;
  link.retry = kRetryInitial;
  effects_.emplace_back(SendFrame{stream, hello_});
  for (raft::Message& message : link.waiting) {
    effects_.emplace_back(SendFrame{stream, rpc::Consensus{std::move(message)}});
  }
  link.waiting.clear();
}

void MasterLinks::lost(const NodeName& master, Link& link, Instant now) {
  if (link.open) effects_.emplace_back(LinkLost{master});
  link.open = false;
  link.stream = 0;
  link.waiting.clear();
  link.retry_at = now + link.retry;
  link.retry = std::min(link.retry * 2, kRetryCap);
}

void MasterLinks::on_closed(StreamId stream, Instant now) {
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  const NodeName master = found->second;
  by_stream_.erase(found);
  lost(master, links_.at(master), now);
}

void MasterLinks::on_frame(StreamId stream, const rpc::Frame& frame, Instant now) {
  const auto found = by_stream_.find(stream);
  const auto* reply = std::get_if<rpc::HelloReply>(&frame);
  if (found == by_stream_.end() || reply == nullptr) return;
  const NodeName master = found->second;
  if (!reply->refused) {
    effects_.emplace_back(LinkAnswered{master, *reply});
    return;
  }
  effects_.emplace_back(LinkRefused{master, *reply});
  effects_.emplace_back(CloseStream{stream, "refused"});
  by_stream_.erase(found);
  Link& link = links_.at(master);
  link.open = false;  // a refusal is an answer: the master is there
  link.retry = kRefusedRetry;
  lost(master, link, now);
}

std::vector<LinkEffect> MasterLinks::take_effects() { return std::exchange(effects_, {}); }

}  // namespace muster::agent
