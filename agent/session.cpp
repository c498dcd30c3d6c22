#include "agent/session.h"

#include <algorithm>

namespace muster::agent {

Session::Session(SessionOptions options, std::vector<std::pair<NodeName, Address>> masters,
                 rpc::Hello hello, StreamIds& ids, Rng& rng, Instant now)
    : options_(options),
      configured_(masters),
      masters_(std::move(masters)),
      hello_(std::move(hello)),
      ids_(ids),
      rng_(rng),
      retry_(options.retry_initial),
      deadline_(now) {
  CHECK(!masters_.empty());
  next_master_ = static_cast<std::size_t>(rng_.below(masters_.size()));
}

void Session::connect(NodeName name, Address to, Instant now) {
  state_ = State::Opening;
  stream_ = ids_.next();
  peer_ = std::move(name);
  deadline_ = now + options_.open_timeout;
  effects_.emplace_back(OpenStream{stream_, std::move(to)});
}

void Session::connect_next(Instant now) {
  const auto& [name, address] = masters_[next_master_];
  next_master_ = (next_master_ + 1) % masters_.size();
  connect(name, address, now);
}

void Session::drop(const std::string& why, Instant retry_at) {
  if (state_ == State::Registered) effects_.emplace_back(SessionDown{peer_, why});
  state_ = State::Idle;
  stream_ = 0;
  deadline_ = retry_at;
}

std::optional<Address> Session::address_of(const NodeName& name) const {
  const auto found = std::find_if(masters_.begin(), masters_.end(),
                                  [&](const auto& master) { return master.first == name; });
  if (found == masters_.end()) return std::nullopt;
  return found->second;
}

void Session::on_masters(const std::vector<rpc::MasterAddress>& masters) {
  if (masters.empty()) return;
  std::vector<std::pair<NodeName, Address>> all;
  for (const rpc::MasterAddress& master : masters) all.emplace_back(master.name, master.rpc);
  for (const auto& one : configured_) {
    const bool told = std::any_of(all.begin(), all.end(),
                                  [&](const auto& other) { return other.first == one.first; });
    if (!told) all.push_back(one);
  }
  if (all == masters_) return;
  masters_ = std::move(all);
  next_master_ %= masters_.size();
}

void Session::on_opened(StreamId stream, Instant now) {
  if (!owns(stream) || state_ != State::Opening) return;
  state_ = State::Asking;
  deadline_ = now + options_.open_timeout;
  effects_.emplace_back(SendFrame{stream_, hello_});
}

void Session::on_closed(StreamId stream, const std::string& why, Instant now) {
  if (!owns(stream)) return;
  if (peer_ == coordinator_ && state_ != State::Waiting) {
    unreachable_ = peer_;
    unreachable_until_ = now + options_.patience;
  }
  const bool was_good = state_ == State::Registered || state_ == State::Waiting;
  if (was_good) retry_ = options_.retry_initial;
  drop(why, was_good ? now : now + retry_ + rng_.below(retry_));
  retry_ = std::min(retry_ * 2, options_.retry_cap);
}

void Session::on_frame(StreamId stream, const rpc::Frame& frame, Instant now) {
  if (!owns(stream)) return;
  if (const auto* reply = std::get_if<rpc::HelloReply>(&frame)) return on_reply(*reply, now);
  const auto* ack = std::get_if<rpc::HeartbeatAck>(&frame);
  if (ack == nullptr || state_ != State::Registered) return;
  // An answer to what was never asked, or was asked in the future, would be a lease without end.
  if (ack->sequence == 0 || ack->sequence > sequence_) return;
  if (ack->sent_at_ns > now.time_since_epoch().count()) return;
  last_ack_ = now;
  lease_.on_granted(ack->epoch, Instant(Duration(ack->sent_at_ns)),
                    std::chrono::milliseconds(ack->lease_ms));
}

void Session::on_reply(const rpc::HelloReply& reply, Instant now) {
  if (reply.refused) {
    // One master whose configuration is wrong, or who is no master any more, must not end the
    // agents that the others take.
    std::string why = peer_ + " refuses this agent: " + reply.why;
    const bool news = refused_by_.insert(peer_).second;
    const bool others = accepted_ || refused_by_.size() < masters_.size();
    if (others && state_ == State::Asking) {
      if (news) effects_.emplace_back(SessionRebuffed{std::move(why)});
    } else {
      effects_.emplace_back(SessionRefused{std::move(why)});
    }
    effects_.emplace_back(CloseStream{stream_, "refused"});
    return drop(reply.why, now + options_.retry_cap);
  }
  accepted_ = true;
  refused_by_.clear();
  on_masters(reply.masters);
  coordinator_ = reply.coordinator;
  // Followers believe in a dead leader until their election time-out: whoever was just found to be
  // gone is not asked again because of them. The stream stays, and they will say who is next.
  const bool stale = !reply.here && reply.coordinator == unreachable_ && now < unreachable_until_;
  if (reply.here) {
    if (state_ == State::Registered) return;
    state_ = State::Registered;
    coordinator_ = peer_;
    retry_ = options_.retry_initial;
    last_ack_ = now;
    deadline_ = now;
    effects_.emplace_back(SessionUp{peer_});
    return;
  }
  if (!reply.coordinator.empty() && reply.coordinator != peer_ && !stale) {
    effects_.emplace_back(CloseStream{stream_, "the coordinator is " + reply.coordinator});
    // The configured address wins over the told one: a master cannot send an agent elsewhere.
    const auto to = address_of(reply.coordinator);
    drop("the coordinator is " + reply.coordinator, to ? now : now + options_.retry_cap);
    if (to) connect(reply.coordinator, *to, now);
    return;
  }
  if (state_ == State::Registered) effects_.emplace_back(SessionDown{peer_, "stepped down"});
  state_ = State::Waiting;
  deadline_ = now + options_.patience;
}

void Session::on_coordinator(const NodeName& name, Instant now) {
  if (name.empty() || (peer_ == name && state_ != State::Idle)) return;
  const auto to = address_of(name);
  if (!to) return;
  if (stream_ != 0) effects_.emplace_back(CloseStream{stream_, "the coordinator is " + name});
  drop("the coordinator is " + name, now);
  coordinator_ = name;
  connect(name, *to, now);
}

bool Session::send(rpc::Frame frame) {
  if (state_ != State::Registered) return false;
  effects_.emplace_back(SendFrame{stream_, std::move(frame)});
  return true;
}

void Session::tick(Instant now) {
  if (now < deadline_) return;
  switch (state_) {
    case State::Idle: return connect_next(now);
    case State::Opening:
    case State::Asking:
    case State::Waiting: {
      effects_.emplace_back(CloseStream{stream_, "no answer in time"});
      drop("no answer in time", now);
      return connect_next(now);
    }
    case State::Registered: {
      if (now - last_ack_ >= options_.silence_max) {
        effects_.emplace_back(CloseStream{stream_, "the coordinator is silent"});
        drop("the coordinator is silent", now);
        return connect_next(now);
      }
      rpc::Heartbeat beat{++sequence_, now.time_since_epoch().count(), applied_, disk_failing_};
      effects_.emplace_back(SendFrame{stream_, beat});
      deadline_ = now + options_.heartbeat_interval;
      return;
    }
  }
}

std::vector<SessionEffect> Session::take_effects() { return std::exchange(effects_, {}); }

}  // namespace muster::agent
