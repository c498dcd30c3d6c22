// Whole tables: joining, push/pull, finding lost members again.
#include <algorithm>
#include <utility>

#include "health/swim.h"

namespace muster::health {
namespace {

using gossip::MemberState;

constexpr std::size_t kExchangesMax = 32;  // of our own, under way
constexpr std::size_t kSeedsAtOnce = 5;
// A newcomer compares tables soon and often at first: in a join storm its seed's table is old
// already, and gossip about others may have ended before it came.
constexpr Duration kFirstPushPull = std::chrono::seconds(1);
constexpr Duration kStrangerInterval = std::chrono::milliseconds(200);

}  // namespace

void Swim::join(const std::vector<Address>& seeds, Instant now) {
  if (halted_ || leaving_) return;
  notice_time(now);
  for (const Address& seed : seeds) {
    const bool known = std::any_of(seeds_.begin(), seeds_.end(),
                                   [&](const Seed& other) { return other.address == seed; });
    if (!known && seed != table_.self().gossip) seeds_.push_back(Seed{seed, {}});
  }
  if (seeds_.empty()) {
    if (!joined_) complete_join(now);
  } else {
    next_join_ = now;
    try_seeds(now);
  }
}

void Swim::complete_join(Instant now) {
  joined_ = true;
  enqueue(claim_about(table_.self(), false), now);
  push_pull_wait_ = std::min(kFirstPushPull, options_.push_pull_interval);
  next_push_pull_ = now + push_pull_wait_ / 2 + rng_.below(push_pull_wait_);
  next_join_ = seeds_.empty() ? kNever : now + options_.join_retry_max;
}

void Swim::try_seeds(Instant now) {
  std::vector<Address> lost;
  for (const Seed& seed : seeds_) {
    const Member* member = table_.find(seed.answered_by);
    const bool here = joined_ && member != nullptr && is_live(*member);
    if (!here && !is_syncing(seed.address)) lost.push_back(seed.address);
  }
  rng_.shuffle(lost);
  const std::size_t at_once = joined_ ? 1 : kSeedsAtOnce;
  for (std::size_t i = 0; i < lost.size() && i < at_once; ++i) start_sync(lost[i], {});
  if (joined_) {
    next_join_ = seeds_.empty() ? kNever : now + options_.join_retry_max;
  } else {
    next_join_ = now + join_wait_ + rng_.below(join_wait_ / 4);
    join_wait_ = std::min(join_wait_ * 2, options_.join_retry_max);
  }
}

void Swim::push_pull(Instant now) {
  const Duration usual = push_pull_scaled(options_.push_pull_interval, table_.live());
  push_pull_wait_ = std::min(push_pull_wait_ * 2, usual);
  next_push_pull_ = now + push_pull_wait_ / 2 + rng_.below(push_pull_wait_);
  const auto alive = [](const Member& member) { return member.state == MemberState::Alive; };
  for (const NodeName& peer : table_.pick(1, alive, rng_)) {
    start_sync(table_.find(peer)->gossip, peer);
  }
}

void Swim::reconnect(Instant now) {
  next_reconnect_ = now + options_.reconnect_interval + rng_.below(options_.reconnect_interval / 4);
  const auto failed = [](const Member& member) { return member.state == MemberState::Failed; };
  for (const NodeName& peer : table_.pick(1, failed, rng_)) {
    start_sync(table_.find(peer)->gossip, peer);
  }
}

// Somebody of our cluster whom we do not know: we have missed its joining.
void Swim::meet_stranger(const Address& from, Instant now) {
  if (leaving_ || now < next_stranger_) return;
  next_stranger_ = now + kStrangerInterval;
  start_sync(from, {});
}

bool Swim::is_syncing(const Address& to) const {
  return std::any_of(exchanges_.begin(), exchanges_.end(),
                     [&](const auto& entry) { return entry.second.to == to; });
}

void Swim::start_sync(const Address& to, const NodeName& member) {
  if (exchanges_.size() >= kExchangesMax || is_syncing(to)) return;
  const std::uint64_t id = ++last_exchange_;
  exchanges_.emplace(id, Exchange{to, member});
  effects_.emplace_back(StartSync{id, to, own_table()});
}

gossip::Sync Swim::own_table() const {
  gossip::Sync sync;
  sync.cluster = cluster_;
  sync.from = self_;
  sync.joining = !joined_;
  sync.members.reserve(table_.size());
  for (const auto& [name, member] : table_.all()) {
    sync.members.push_back(claim_about(member, true));
  }
  return sync;
}

void Swim::on_sync_request(std::uint64_t exchange, const gossip::Sync& sync, Instant now) {
  notice_time(now);
  gossip::Sync answer;  // to a stranger: our cluster's number, so that it learns its mistake
  answer.cluster = cluster_;
  answer.from = self_;
  if (sync.cluster != cluster_) {
    ++counters_.foreign_cluster;
  } else if (!halted_) {
    merge(sync, now);
    answer = own_table();
  }
  effects_.emplace_back(AnswerSync{exchange, std::move(answer)});
}

void Swim::on_sync_reply(std::uint64_t id, const gossip::Sync& sync, Instant now) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end() || halted_) return;
  notice_time(now);
  const Exchange exchange = found->second;
  exchanges_.erase(found);
  if (sync.cluster != cluster_) {
    ++counters_.foreign_cluster;
    return;
  }
  merge(sync, now);
  if (halted_) return;
  if (sync.from == self_) {  // the seed is ourselves under another name
    std::erase_if(seeds_, [&](const Seed& seed) { return seed.address == exchange.to; });
    if (!joined_ && seeds_.empty()) complete_join(now);
    return;
  }
  for (Seed& seed : seeds_) {
    if (seed.address == exchange.to) seed.answered_by = sync.from;
  }
  if (!joined_) complete_join(now);
}

void Swim::on_sync_failed(std::uint64_t id, Instant now) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  const NodeName member = found->second.member;
  exchanges_.erase(found);
  if (!member.empty()) hint_unreachable(member, now);
}

void Swim::merge(const gossip::Sync& sync, Instant now) {
  for (const gossip::Claim& claim : sync.members) {
    const Member* known = table_.find(claim.name);
    // First hand: a newcomer's incarnation is 0, which apply_alive() takes for old news.
    if (claim.name == sync.from && known != nullptr && is_live(*known) &&
        claim.state == MemberState::Alive && claim.gossip != known->gossip &&
        (claim.name != self_ || joined_)) {
      report_conflict(claim.name, known->gossip, claim.gossip, now);
    }
    apply(claim, Source::Sync, now);
    if (halted_) return;
  }
  if (Member* sender = table_.find(sync.from); sender != nullptr && sync.from != self_) {
    sender->last_heard = now;
  }
}

}  // namespace muster::health
