// Each rule is found broken when it is, and not before.
#include "checkers.h"

#include <gtest/gtest.h>

#include "membership_checker.h"
#include "network.h"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;
using gossip::MemberState;

constexpr Instant kBegin{100s};
constexpr MembershipBounds kBounds{10s, 20s};

struct Membership : testing::Test {
  MembershipChecker::Truth truth() {
    MembershipChecker::Truth truth;
    truth.belief = [this](HostId observer, HostId member) -> std::optional<Belief> {
      const auto known = beliefs.find({observer, member});
      return known == beliefs.end() ? std::nullopt : std::optional(known->second);
    };
    truth.fit_since = [this](HostId, HostId) { return fit_since; };
    truth.dead_since = [this](HostId member) { return member == 2 ? dead_since : kNever; };
    truth.well_since = [](HostId) { return kBegin; };
    truth.name = [](HostId host) { return "n" + std::to_string(host + 1); };
    return truth;
  }
  void believe(HostId observer, HostId member, Belief belief, Instant at) {
    const auto before = beliefs.find({observer, member});
    checker.changed(observer, member,
                    before == beliefs.end() ? std::nullopt : std::optional(before->second), belief,
                    at);
    beliefs[{observer, member}] = belief;
  }

  std::map<std::pair<HostId, HostId>, Belief> beliefs;
  Instant fit_since = kBegin;
  Instant dead_since = kNever;
  Violations found;
  MembershipChecker checker{3, kBounds, truth(), found};
};

TEST_F(Membership, AnOlderIncarnationIsFoundAtOnce) {
  believe(0, 1, {MemberState::Alive, 4}, kBegin);
  believe(0, 1, {MemberState::Suspect, 4}, kBegin);
  believe(0, 1, {MemberState::Alive, 5}, kBegin);
  EXPECT_TRUE(found.empty());
  believe(0, 1, {MemberState::Alive, 4}, kBegin);
  ASSERT_EQ(found.all().size(), 1U);
  EXPECT_EQ(found.all()[0].text, "n1 went back from incarnation 5 of n2 to 4");
}

TEST_F(Membership, ALiveMemberHeldFailedIsFoundAfterTheBound) {
  believe(0, 1, {MemberState::Failed, 0}, kBegin);
  checker.check(kBegin + kBounds.down);
  EXPECT_TRUE(found.empty());
  checker.check(kBegin + kBounds.down + 1ms);
  ASSERT_EQ(found.all().size(), 1U);
  EXPECT_EQ(found.all()[0].about, (std::vector<NodeName>{"n1", "n2"}));
}

TEST_F(Membership, TheBoundCountsFromWhenThePairIsInOrder) {
  believe(0, 1, {MemberState::Left, 0}, kBegin);
  fit_since = kBegin + 30s;
  checker.check(kBegin + 39s);
  EXPECT_TRUE(found.empty());
  fit_since = kNever;
  checker.check(kBegin + 100s);
  EXPECT_TRUE(found.empty());
  fit_since = kBegin + 100s;
  checker.check(kBegin + 111s);
  EXPECT_FALSE(found.empty());
}

TEST_F(Membership, WhoIsHeldAliveAgainInTimeIsFine) {
  believe(0, 1, {MemberState::Failed, 0}, kBegin);
  believe(0, 1, {MemberState::Alive, 1}, kBegin + 9s);
  checker.check(kBegin + 60s);
  EXPECT_TRUE(found.empty());
}

TEST_F(Membership, ADeadMemberHeldAliveIsFoundAfterTheBound) {
  dead_since = kBegin;
  fit_since = kNever;
  believe(0, 2, {MemberState::Suspect, 0}, kBegin);
  believe(1, 2, {MemberState::Failed, 0}, kBegin);
  checker.check(kBegin + kBounds.up);
  EXPECT_TRUE(found.empty());
  checker.check(kBegin + kBounds.up + 1ms);
  checker.check(kBegin + 2 * kBounds.up + 2ms);
  checker.check(kBegin + 3 * kBounds.up);
  ASSERT_EQ(found.all().size(), 1U) << "and only once";
  EXPECT_EQ(found.all()[0].about, (std::vector<NodeName>{"n1", "n3"}));
}

TEST(MembershipBound, OfSevenNodesAsShipped) {
  const MembershipBounds bounds = membership_bounds({}, 7);
  EXPECT_EQ(bounds.down, 20'600ms);
  EXPECT_EQ(bounds.up, 26s);
}

struct Consensus : testing::Test {
  std::string first() const { return found.empty() ? "" : found.all().front().rule; }

  Violations found;
  ConsensusChecker checker{{"n1", "n2", "n3"}, found};
  raft::Stored disk;
};

TEST_F(Consensus, AVoteThatTheDiskDoesNotHaveIsFound) {
  raft::RequestVoteResult vote;
  vote.term = 3;
  vote.granted = true;
  disk.term = 3;
  disk.voted_for = master_id("n2");
  checker.said(0, 1, vote, disk, kBegin);
  EXPECT_EQ(first(), "");
  disk.voted_for = 0;
  checker.said(0, 1, vote, disk, kBegin);
  EXPECT_EQ(first(), "a vote is given when it is durable");
}

TEST_F(Consensus, ASecondVoteInATermIsFoundAndAPreVoteIsNone) {
  raft::RequestVoteResult vote;
  vote.term = 3;
  vote.granted = true;
  disk.term = 4;
  checker.said(0, 1, vote, disk, kBegin);
  vote.pre_vote = true;
  checker.said(0, 2, vote, disk, kBegin);
  EXPECT_EQ(first(), "");
  vote.pre_vote = false;
  checker.said(0, 2, vote, disk, kBegin);
  EXPECT_EQ(first(), "one vote a term");
}

TEST_F(Consensus, AnEntryAcknowledgedBeforeItIsOnTheDiskIsFound) {
  raft::AppendEntriesResult result;
  disk.first = 5;
  disk.entries.resize(3);
  result.last_index = 7;
  checker.said(0, 1, result, disk, kBegin);
  EXPECT_EQ(first(), "");
  result.last_index = 8;
  checker.said(0, 1, result, disk, kBegin);
  EXPECT_EQ(first(), "entries are acknowledged when they are durable");
}

TEST_F(Consensus, WhoRefusesWhatItsOwnSnapshotCoversIsFound) {
  raft::AppendEntriesResult result;
  disk.snapshot.index = 10;
  disk.first = 11;
  result.rejected = 10;  // it may know another entry there than the leader's
  checker.said(0, 1, result, disk, kBegin);
  EXPECT_EQ(first(), "");
  result.rejected = 9;
  checker.said(0, 1, result, disk, kBegin);
  EXPECT_EQ(first(), "nobody refuses what its snapshot covers");
}

TEST_F(Consensus, WhoInstallsASnapshotMayRefuseEverything) {
  disk.snapshot.index = 10;
  failover::PutSnapshot install{};
  install.meta.index = 20;
  checker.wrote(0, install, kBegin);
  raft::AppendEntriesResult result;
  result.rejected = 9;
  checker.said(0, 1, result, disk, kBegin);
  EXPECT_EQ(first(), "");
}

TEST_F(Consensus, ALeaderThatGoesBackBeforeWhatWasConfirmedIsFound) {
  const MasterId follower = master_id("n2");
  raft::AppendEntriesResult result;
  result.term = 3;
  result.last_index = 7;
  checker.heard(0, follower, result);
  raft::AppendEntries append;
  append.term = 3;
  append.prev_index = 7;
  checker.replicates(0, follower, append, kBegin);
  append.prev_index = 6;
  checker.replicates(0, master_id("n3"), append, kBegin);  // who has confirmed nothing
  append.term = 4;
  checker.replicates(0, follower, append, kBegin);  // nor in this term
  EXPECT_EQ(first(), "");
  append.term = 3;
  checker.replicates(0, follower, append, kBegin);
  EXPECT_EQ(first(), "a leader goes not back before what was confirmed to it");
}

TEST_F(Consensus, ASnapshotWithMastersOfBeforeIsFound) {
  const std::vector<raft::Server> two{{master_id("n1"), "n1", true}, {master_id("n2"), "n2", true}};
  checker.configured(1, 1, two, kBegin);
  checker.configured(1, 8, {two[0]}, kBegin);
  failover::PutSnapshot snapshot{};
  snapshot.meta.index = 7;
  snapshot.meta.configuration_index = 1;
  snapshot.keep_from = 8;
  checker.wrote(0, snapshot, kBegin);
  EXPECT_EQ(first(), "");
  snapshot.meta.index = 8;
  checker.wrote(0, snapshot, kBegin);
  EXPECT_EQ(first(), "a snapshot has the masters of its time");
}

TEST_F(Consensus, AMasterThatWasRemovedIsAFollowerOfWhomNothingIsKnown) {
  const MasterId follower = master_id("n2");
  raft::AppendEntriesResult result;
  result.term = 3;
  result.last_index = 7;
  checker.heard(0, follower, result);
  checker.configured(0, 8, {{master_id("n1"), "n1", true}, {master_id("n3"), "n3", true}}, kBegin);
  raft::AppendEntries append;
  append.term = 3;
  append.prev_index = 6;
  checker.replicates(0, follower, append, kBegin);
  EXPECT_EQ(first(), "");
}

TEST_F(Consensus, AnAcknowledgedWriteThatIsGoneIsFound) {
  ClusterState state;
  checker.acknowledged("request-1");
  state.requests.remember({.id = "request-1"}, 2);
  state.requests.remember({.id = "request-2"}, 2);
  checker.check_acknowledged(state, 0, 1, kBegin);
  EXPECT_EQ(first(), "");
  state.requests.remember({.id = "request-3"}, 2);
  checker.check_acknowledged(state, 0, 1, kBegin);
  EXPECT_EQ(first(), "an acknowledged write is never lost");
}

TEST(NetworkCuts, AreCountedByDirection) {
  Network network(3);
  EXPECT_EQ(network.mutual_since(0, 1), Instant{});
  network.cut(0, 1);
  network.cut(0, 1);
  EXPECT_FALSE(network.open(0, 1));
  EXPECT_TRUE(network.open(1, 0));
  EXPECT_EQ(network.mutual_since(1, 0), kNever);
  network.mend(0, 1, kBegin);
  EXPECT_FALSE(network.open(0, 1));
  network.mend(0, 1, kBegin + 1s);
  EXPECT_TRUE(network.open(0, 1));
  EXPECT_EQ(network.mutual_since(1, 0), kBegin + 1s);
  network.mend(0, 1, kBegin + 2s);
  EXPECT_EQ(network.mutual_since(1, 0), kBegin + 1s) << "there was nothing to mend";
}

}  // namespace
}  // namespace muster::sim
