// Whole tables: joining, push/pull, finding lost members again.
#include <algorithm>
#include <cmath>
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
    if (!known && seed != table_.self().gossip()) seeds_.push_back(Seed{seed, {}});
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
  for (std::size_t i = 0; i < lost.size() && i < kSeedsAtOnce; ++i) {
    start_sync(lost[i], {}, joined_ ? Asking::Digest : Asking::Whole);
  }
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
  for (const Member* peer : table_.pick(1, alive, rng_)) {
    const bool asks = speaks(*peer, gossip::kDigestsSince);
    start_sync(peer->gossip(), peer->name(), asks ? Asking::Digest : Asking::Whole);
  }
}

void Swim::reconnect(Instant now) {
  // It costs as much as a push/pull, and all of one half of a large cluster may be at it.
  const Duration usual = push_pull_scaled(options_.reconnect_interval, table_.live());
  next_reconnect_ = now + usual + rng_.below(usual / 4);
  const auto failed = [](const Member& member) { return member.state == MemberState::Failed; };
  for (const Member* peer : table_.pick(1, failed, rng_)) {
    start_sync(peer->gossip(), peer->name(), Asking::Whole);
  }
}

// Somebody of our cluster whom we do not know: we have missed its joining.
void Swim::meet_stranger(const Address& from, Instant now) {
  if (leaving_ || now < next_stranger_) return;
  next_stranger_ = now + kStrangerInterval;
  start_sync(from, {}, Asking::Digest);
}

bool Swim::is_syncing(const Address& to) const {
  return std::any_of(exchanges_.begin(), exchanges_.end(),
                     [&](const auto& entry) { return entry.second.to == to; });
}

// A table costs some 90 bytes a member, and most of the time the other one has the same.
void Swim::start_sync(const Address& to, const NodeName& member, Asking asking) {
  if (exchanges_.size() >= kExchangesMax || is_syncing(to)) return;
  const std::uint64_t id = ++last_exchange_;
  const bool whole = asking == Asking::Whole;
  exchanges_.emplace(id, Exchange{to, member, whole});
  effects_.emplace_back(StartSync{id, to, whole ? own_table() : own_digest()});
}

gossip::Sync Swim::own_digest() const {
  gossip::Sync sync;
  sync.cluster = cluster_;
  sync.from = self_;
  sync.joining = !joined_;
  sync.protocol = options_.protocol;
  if (options_.protocol.max >= gossip::kDigestsSince) sync.digest = table_.digest();
  return sync;
}

gossip::Sync Swim::own_table() const {
  gossip::Sync sync = own_digest();
  sync.members.reserve(table_.size());
  for (const Member& member : table_) sync.members.push_back(claim_about(member, true));
  return sync;
}

void Swim::on_sync_request(std::uint64_t exchange, const gossip::Sync& sync, Instant now) {
  notice_time(now);
  gossip::Sync answer;  // to a stranger: our cluster's number, so that it learns its mistake
  answer.cluster = cluster_;
  answer.from = self_;
  answer.protocol = options_.protocol;
  if (sync.cluster != cluster_) {
    ++counters_.foreign_cluster;
  } else if (gossip::common_version(options_.protocol, sync.protocol) == 0) {
    ++counters_.wrong_version;
  } else if (!halted_) {
    const bool asked = sync.digest != 0 && sync.members.empty();
    merge(sync, now);
    answer = asked && sync.digest == own_digest().digest ? own_digest() : own_table();
  }
  answer.answer = true;
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
  if (gossip::common_version(options_.protocol, sync.protocol) == 0) {
    ++counters_.wrong_version;
    return;
  }
  if (sync.protocol.max >= gossip::kDigestsSince && !sync.answer) {  // our own question, reflected
    ++counters_.misaddressed;
    return;
  }
  merge(sync, now);
  if (halted_) return;
  const bool ourselves =
      std::any_of(sync.members.begin(), sync.members.end(), [&](const gossip::Claim& claim) {
        return claim.name == self_ && is_live(claim.state) && claim.card != nullptr &&
               claim.card->gossip == table_.self().gossip();
      });
  if (sync.from == self_ && ourselves) {  // the seed is ourselves under another name
    std::erase_if(seeds_, [&](const Seed& seed) { return seed.address == exchange.to; });
    if (!joined_ && seeds_.empty()) complete_join(now);
    return;
  }
  for (Seed& seed : seeds_) {
    if (seed.address == exchange.to) seed.answered_by = sync.from;
  }
  if (!joined_) complete_join(now);
  // We have theirs now. What we know better they have not heard yet.
  if (!exchange.whole && sync.digest != table_.digest()) {
    start_sync(exchange.to, exchange.member, Asking::Whole);
  }
}

void Swim::on_sync_failed(std::uint64_t id, Instant now) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  const NodeName member = found->second.member;
  exchanges_.erase(found);
  if (!member.empty()) hint_unreachable(member, now);
}

// How long digests may differ before tables are exchanged: a claim needs about log2(n) gossip
// intervals to reach all, and until then some have it and others have not.
Duration Swim::digest_patience() const {
  const auto rounds =
      static_cast<int>(std::ceil(std::log2(static_cast<double>(table_.live()) + 1)));
  return options_.gossip_interval * (rounds + 2);
}

// Whoever sends a digest has nothing left to tell, and we compare only while we have nothing to
// tell either: then a difference is no news on its way but something that one of us has missed.
void Swim::compare(const gossip::Packet& packet, Instant now) {
  const bool compares = options_.protocol.max >= gossip::kDigestsSince;
  if (packet.digest == 0 || leaving_ || !joined_ || !compares) return;
  if (packet.digest == table_.digest() || !queue_.empty()) return;
  if (differs_since_ == kNever || now - differs_seen_ > digest_patience()) differs_since_ = now;
  differs_seen_ = now;
  if (now - differs_since_ < digest_patience() || now < next_digest_sync_) return;
  const Member& sender = table_.at(packet.from);
  if (sender.state != MemberState::Alive) return;
  ++counters_.digest_syncs;
  next_digest_sync_ = now + digest_wait_;
  digest_wait_ =
      std::min(digest_wait_ * 2, push_pull_scaled(options_.push_pull_interval, table_.live()));
  start_sync(sender.gossip(), sender.name(), Asking::Digest);
}

void Swim::merge(const gossip::Sync& sync, Instant now) {
  const std::uint64_t before = table_.digest();
  for (const gossip::Claim& claim : sync.members) {
    const Member* known = table_.find(claim.name);
    // First hand: a newcomer's incarnation is 0, which apply_alive() takes for old news.
    if (claim.name == sync.from && known != nullptr && is_live(*known) &&
        claim.state == MemberState::Alive && claim.card != nullptr &&
        claim.card->gossip != known->gossip() && (claim.name != self_ || joined_)) {
      report_conflict(claim.name, known->gossip(), claim.card->gossip, now);
      if (claim.name == self_) open_dispute(claim, now);
    }
    apply(claim, Source::Sync, now);
    if (halted_) return;
  }
  if (table_.digest() != before) digest_wait_ = digest_patience();
  if (Member* sender = table_.find(sync.from); sender != nullptr && sync.from != self_) {
    sender->last_heard = now;
  }
}

}  // namespace muster::health
