// Two members of one name: those who know a member of that name say whose it is, and the other one
// stops (serf's rule for name conflicts).
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "health/swim.h"

namespace muster::health {
namespace {

using gossip::MemberState;
using gossip::PacketKind;

constexpr std::size_t kVotersMax = 25;
constexpr Duration kBetweenPolls = std::chrono::seconds(10);

}  // namespace

// A newcomer stops by itself, so this is for two parts of a cluster that have met again: both
// owners of the name are established, both ask, and both count the same votes.
void Swim::open_dispute(const gossip::Claim& other, Instant now) {
  if (leaving_ || dispute_.ends != kNever || now < dispute_.next) return;
  dispute_ = Dispute{};
  dispute_.other = other.card->gossip;
  dispute_.incarnation = other.incarnation;
  dispute_.next = now + kBetweenPolls;
  // The voters follow from their names and the disputed one: both owners ask the same.
  std::map<std::uint64_t, const Member*> voters;
  for (const Member& member : table_) {
    if (member.name() == self_ || member.state != MemberState::Alive) continue;
    if (!speaks(member, gossip::kNameQueriesSince)) continue;
    voters.emplace(fnv1a64(member.name(), fnv1a64(self_)), &member);
    if (voters.size() > kVotersMax) voters.erase(std::prev(voters.end()));
  }
  for (const auto& [rank, voter] : voters) {
    const auto sequence = static_cast<std::uint32_t>(rng_.next());  // nobody else can guess it
    dispute_.asked.emplace(voter->name(), sequence);
    gossip::Packet query;
    query.kind = PacketKind::NameQuery;
    query.sequence = sequence;
    query.target = self_;
    send(voter->gossip(), voter->name(), std::move(query));
  }
  if (!dispute_.asked.empty()) dispute_.ends = now + 2 * options_.probe_interval;
}

void Swim::answer_name_query(const Address& from, const gossip::Packet& packet) {
  const Member* member = table_.find(packet.target);
  if (member == nullptr || member->state != MemberState::Alive) return;
  gossip::Packet reply;
  reply.kind = PacketKind::NameReply;
  reply.sequence = packet.sequence;
  reply.target = packet.target;
  reply.claims.push_back(claim_about(*member, true));
  send(from, packet.from, std::move(reply));
}

void Swim::on_name_reply(const gossip::Packet& packet) {
  if (dispute_.ends == kNever || packet.target != self_ || packet.claims.empty()) return;
  const gossip::Claim& claim = packet.claims.front();
  if (claim.name != self_ || claim.card == nullptr) return;
  const auto voter = dispute_.asked.find(packet.from);
  if (voter == dispute_.asked.end() || voter->second != packet.sequence) return;
  dispute_.asked.erase(voter);  // one vote for each that was asked
  if (claim.card->gossip == table_.self().gossip()) {
    ++dispute_.votes_for;
  } else if (claim.card->gossip == dispute_.other) {
    ++dispute_.votes_against;
  }
}

// The one who loses stops. A tie goes to the higher incarnation, then to the lower address, which
// both can tell; so a stale claim about an address that we once had never stops us.
void Swim::close_dispute(Instant now) {
  const Dispute vote = std::exchange(dispute_, Dispute{});
  dispute_.next = now + kBetweenPolls;
  if (vote.votes_for + vote.votes_against == 0) return;  // nobody can say: both stay for now
  const Member& self = table_.self();
  const bool older = vote.incarnation == self.incarnation ? self.gossip() < vote.other
                                                          : vote.incarnation < self.incarnation;
  const bool tie = vote.votes_for == vote.votes_against;
  if (tie ? older : vote.votes_for > vote.votes_against) return;
  halted_ = true;
  effects_.emplace_back(NameTaken{vote.other, vote.votes_for, vote.votes_against});
}

}  // namespace muster::health
