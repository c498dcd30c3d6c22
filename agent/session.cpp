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
      word_wait_(options.word_interval),
      retry_(options.retry_initial),
      reply_timeout_(options.reply_timeout),
      deadline_(now) {
  CHECK(!masters_.empty());
  next_master_ = static_cast<std::size_t>(rng_.below(masters_.size()));
}

void Session::connect(NodeName name, Address to, Instant now) {
  state_ = State::Connecting;
  stream_ = ids_.next();
  peer_ = std::move(name);
  deadline_ = now + options_.connect_timeout;
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
  clocks_.reset();
  successor_.clear();
  stream_ = 0;
  deadline_ = retry_at;
}

// The next one is asked at once.
void Session::give_up(const std::string& why, Instant now) {
  effects_.emplace_back(CloseStream{stream_, why});
  drop(why, now);
  connect_next(now);
}

// If it is the one that was just found to be gone: the others are asked first, and not believed
// when they still lead there.
void Session::avoid_coordinator(Instant now) {
  if (peer_ != coordinator_) return;
  unreachable_ = peer_;
  unreachable_until_ = now + options_.patience;
  if (masters_[next_master_].first == peer_) next_master_ = (next_master_ + 1) % masters_.size();
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

void Session::on_reached(StreamId stream, Instant now) {
  if (!owns(stream) || state_ != State::Connecting) return;
  state_ = State::Shaking;
  deadline_ = now + reply_timeout_;
}

void Session::on_opened(StreamId stream, Instant now) {
  if (!owns(stream) || (state_ != State::Connecting && state_ != State::Shaking)) return;
  state_ = State::Asking;
  deadline_ = now + reply_timeout_;
  effects_.emplace_back(SendFrame{stream_, hello_});
}

void Session::on_closed(StreamId stream, const std::string& why, Instant now) {
  if (!owns(stream)) return;
  if (state_ != State::Waiting) avoid_coordinator(now);
  const bool was_good = state_ == State::Registered || state_ == State::Waiting;
  if (was_good) retry_ = options_.retry_initial;
  const NodeName successor = successor_;
  drop(why, was_good ? now : now + retry_ + rng_.below(retry_));
  retry_ = std::min(retry_ * 2, options_.retry_cap);
  if (!successor.empty()) on_coordinator(successor, now);
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
  if (ack->sequence >= doubt_beat_) successor_.clear();
  clocks_.reset();
  if (ack->clock != WallTime{}) clocks_ = Clocks{ack->clock, wall_.wall_at(now)};
  lease_.on_granted(ack->epoch, Instant(Duration(ack->sent_at_ns)),
                    std::chrono::milliseconds(ack->lease_ms));
}

void Session::on_reply(const rpc::HelloReply& reply, Instant now) {
  reply_timeout_ = options_.reply_timeout;
  unanswered_ = 0;
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
    successor_.clear();
    if (state_ == State::Registered) return;
    state_ = State::Registered;
    coordinator_ = peer_;
    retry_ = options_.retry_initial;
    word_wait_ = options_.word_interval;
    next_word_ = std::min(next_word_, now + word_wait_);
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
  if (const NodeName next = successor_; address_of(next)) return on_coordinator(next, now);
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

void Session::on_leader_heard(const NodeName& name, std::uint64_t term, Instant now) {
  if (term <= lease_.epoch() || !address_of(name)) return;
  if (peer_ == name && state_ != State::Idle) return;
  if (name == unreachable_ && now < unreachable_until_) return;
  // Anybody who can gossip can say it: false words must not keep an agent busy, nor from its way.
  if (now < next_word_) return;
  next_word_ = now + word_wait_;
  word_wait_ = std::min(word_wait_ * 2, options_.word_interval_cap);
  if (state_ != State::Registered) return on_coordinator(name, now);
  beat(now);
  successor_ = name;
  doubt_beat_ = sequence_;
  doubt_ends_ = now + options_.doubt_max;
  deadline_ = doubt_ends_;
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
    case State::Shaking:
    case State::Asking:
      if (++unanswered_ % masters_.size() == 0) {
        reply_timeout_ = std::min(reply_timeout_ * 2, options_.reply_timeout_cap);
      }
      [[fallthrough]];
    case State::Connecting: avoid_coordinator(now); [[fallthrough]];
    case State::Waiting: return give_up("no answer in time", now);
    case State::Registered: {
      if (now - last_ack_ >= options_.silence_max) {
        avoid_coordinator(now);
        return give_up("the coordinator is silent", now);
      }
      const NodeName next = now >= doubt_ends_ ? std::exchange(successor_, {}) : NodeName();
      if (address_of(next)) {
        avoid_coordinator(now);
        return on_coordinator(next, now);
      }
      return beat(now);
    }
  }
}

void Session::beat(Instant now) {
  rpc::Heartbeat beat{++sequence_, now.time_since_epoch().count(), applied_, disk_failing_,
                      wall_.wall_at(now)};
  effects_.emplace_back(SendFrame{stream_, beat});
  deadline_ = now + options_.heartbeat_interval;
}

std::vector<SessionEffect> Session::take_effects() { return std::exchange(effects_, {}); }

}  // namespace muster::agent
