// The rules around the library, one by one: each has tests that fail without it.
#include <algorithm>
#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/failover/raft_lone.h"

namespace muster::failover::test {
namespace {

TEST(RaftRule1, AConfigurationInTheMiddleOfABatchIsKnownByItsOwnIndex) {
  Lone lone(options(4, 0));
  lone.tell(2, raft::AppendEntries{2, 1, 1, 5, {command(2), command(2), change(2, 4), command(2)}});
  lone.sync();
  EXPECT_EQ(lone.engine.configuration().size(), 4U);
  ASSERT_EQ(lone.engine.applied_index(), 5U);
  ASSERT_EQ(lone.all<WantSnapshot>().size(), 1U);
  lone.engine.provide_snapshot(5, blob("state"), lone.now);
  lone.take();
  ASSERT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].meta.configuration_index, 4U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].meta.configuration.size(), 4U);
}

TEST(RaftRule1, EachConfigurationOfABatchIsKnownByItsOwnIndex) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{
                   2, 1, 1, 4, {command(2), change(2, 4), command(2), change(2, 5), command(2)}});
  lone.sync();
  const auto told = lone.all<ConfigurationChanged>();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].index, 5U);
  EXPECT_FALSE(told[1].committed);
  lone.tell(2, raft::AppendEntries{2, 6, 2, 6, {}});
  EXPECT_EQ(lone.all<ConfigurationChanged>().back().index, 5U);
  EXPECT_TRUE(lone.all<ConfigurationChanged>().back().committed);
}

TEST(RaftRule1, AConfigurationThatIsLostWithItsLeaderIsTakenBack) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {command(2), command(2), change(2, 4)}});
  lone.sync();
  EXPECT_EQ(lone.engine.configuration().size(), 4U);
  lone.tell(3, raft::AppendEntries{3, 3, 2, 3, {command(3), command(3)}});
  lone.sync();
  EXPECT_EQ(lone.engine.configuration().size(), 3U);
  EXPECT_EQ(lone.all<ConfigurationChanged>().back().index, 1U);
}

TEST(RaftRule2, AHeartbeatFromBeforeTheOwnSnapshotIsConfirmedAsFarAsItGoes) {
  raft::Stored stored;
  stored.term = 2;
  stored.snapshot = {10, 2, 1, servers(3)};
  stored.snapshot_data = blob("state");
  stored.first = 11;
  Lone lone(options(), stored);
  lone.tell(2, raft::AppendEntries{2, 4, 1, 4, {}});
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).rejected, 0U);
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 10U);
  // What it may not skip it refuses: an entry that follows the snapshot and is older.
  lone.tell(
      2, raft::AppendEntries{2, 9, 1, 9, {command(1), {1, raft::EntryType::Command, blob("old")}}});
  EXPECT_EQ(lone.engine.last_index(), 10U);
}

TEST(RaftRule2, EntriesFromBeforeTheOwnSnapshotAreSkippedNotRefused) {
  raft::Stored stored;
  stored.term = 2;
  stored.snapshot = {10, 2, 1, servers(3)};
  stored.snapshot_data = blob("state");
  stored.first = 11;
  for (const std::size_t beyond : {std::size_t{0}, std::size_t{1}, std::size_t{5}}) {
    Lone lone(options(), stored);
    std::vector<raft::Entry> entries(6 + beyond, command(2));  // from 5 on
    lone.tell(2, raft::AppendEntries{2, 4, 2, 0, entries});
    lone.sync();
    const auto result = lone.last_sent<raft::AppendEntriesResult>(2);
    EXPECT_EQ(result.rejected, 0U);
    EXPECT_EQ(result.last_index, 10 + beyond);
    EXPECT_EQ(lone.engine.last_index(), 10 + beyond);
  }
}

TEST(RaftRule3, AVoteThatNobodyAskedForIsNothing) {
  Lone lone;
  EXPECT_TRUE(lone.tell(2, raft::RequestVoteResult{9, true, false, 1, 0}).empty());
  lone.lead();
  EXPECT_TRUE(lone.tell(2, raft::RequestVoteResult{9, false, false, 1, 0}).empty());
  EXPECT_EQ(lone.engine.role(), raft::Role::Leader);
}

TEST(RaftRule3, AVoteForAnOlderCandidacyCountsForNothing) {
  Lone lone;
  while (lone.engine.role() == raft::Role::Follower) lone.pass(milliseconds(50));
  const raft::Term next = lone.engine.term() + 1;
  lone.tell(2, raft::RequestVoteResult{next, true, true, 1, 0xffff});
  lone.sync();
  // It was a candidate and is none any more: another leads its term.
  lone.tell(3, raft::AppendEntries{next, 1, 1, 1, {}});
  lone.sync();
  ASSERT_EQ(lone.engine.role(), raft::Role::Follower);
  EXPECT_TRUE(lone.tell(2, raft::RequestVoteResult{next, true, false, 1, 0xffff}).empty());
  EXPECT_TRUE(lone.tell(2, raft::RequestVoteResult{next + 3, false, false, 1, 0xffff}).empty());
  EXPECT_EQ(lone.engine.role(), raft::Role::Follower);
  EXPECT_EQ(lone.engine.term(), next);
}

TEST(RaftRule4, ALeaderChangesNothingAndReadsNothingBeforeItsBarrier) {
  Lone lone;
  lone.lead();
  const raft::Change add{raft::ChangeKind::Add, {4, "m4", false}};
  EXPECT_EQ(lone.engine.change(add, lone.now).error().code, Code::Unavailable);
  lone.engine.read(1, lone.now);
  lone.take();
  const auto probe = lone.last_sent<raft::ReadProbe>(2);
  lone.tell(2, raft::ReadEcho{probe.term, probe.round});
  EXPECT_TRUE(lone.all<ReadReady>().empty());
  lone.confirm(2, 2);
  ASSERT_EQ(lone.all<ReadReady>().size(), 1U);
  EXPECT_EQ(lone.all<ReadReady>()[0].index, 2U);
  EXPECT_TRUE(lone.engine.change(add, lone.now).has_value());
}

TEST(RaftRule4, ALeaderOpensItsTermEvenWhenEverythingIsCommitted) {
  Lone lone;
  lone.lead();
  EXPECT_FALSE(lone.engine.ready());
  const auto written = lone.all<AppendLog>();
  ASSERT_EQ(written.size(), 2U);
  EXPECT_EQ(written[1].entries.at(0).type, raft::EntryType::Barrier);
  EXPECT_EQ(written[1].entries.at(0).term, lone.engine.term());
  lone.confirm(2, 2);
  EXPECT_TRUE(lone.engine.ready());
  EXPECT_TRUE(lone.all<RoleChanged>().back().ready);
}

std::size_t acks(const Lone& lone, raft::Index index) {
  std::size_t count = 0;
  for (const SendRaft& send : lone.all<SendRaft>()) {
    const auto* ack = std::get_if<raft::SnapshotAck>(&send.message);
    if (ack != nullptr && ack->index == index) ++count;
  }
  return count;
}

TEST(RaftRule5, ASecondSnapshotWaitsUntilTheFirstIsWritten) {
  Lone lone;
  lone.tell(2, install(3, 20));
  ASSERT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].keep_from, 0U);
  lone.tell(3, install(4, 30));
  EXPECT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_TRUE(lone.all<Restore>().empty()) << "not before it is durable";
  lone.sync();
  EXPECT_EQ(acks(lone, 30), 0U);
  ASSERT_EQ(lone.all<Restore>().size(), 1U);
  EXPECT_EQ(lone.engine.applied_index(), 20U);
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(3).last_index, 20U);
  lone.tell(3, install(4, 30));
  lone.sync();
  EXPECT_EQ(lone.engine.applied_index(), 30U);
}

TEST(RaftRule5, AnInstallationGoesOnWhenItsLeaderSendsTheSameAgain) {
  Lone lone;
  lone.tell(2, install(3, 20));
  for (int i = 0; i < 3; ++i) lone.tell(2, install(3, 20));
  lone.tell(2, install(3, 25));
  lone.sync();
  EXPECT_EQ(acks(lone, 20), 4U) << "it has all of it";
  EXPECT_EQ(acks(lone, 25), 0U) << "which is for later";
  EXPECT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_EQ(lone.all<Restore>().size(), 1U);
}

TEST(RaftRule6, ARefusalOfWhatIsNotConfirmedIsHeard) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  for (const raft::Index refused : {raft::Index{1}, raft::Index{2}}) {
    lone.tell(2, raft::AppendEntriesResult{lone.engine.term(), refused, refused - 1, 1, 0xffff});
    lone.pass(milliseconds(200));
    EXPECT_EQ(lone.last_sent<raft::AppendEntries>(2).prev_index, 2U) << "confirmed before";
  }
  lone.tell(3, raft::AppendEntriesResult{lone.engine.term(), 1, 0, 1, 0xffff});
  EXPECT_EQ(lone.last_sent<raft::AppendEntries>(3).prev_index, 0U) << "never confirmed";
}

TEST(RaftRule6, AnOldRefusalDoesNotSendAFollowerBack) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  lone.engine.propose({{1, "a"}, {2, "b"}}, lone.now);
  lone.sync();
  lone.confirm(2, 4);
  lone.confirm(3, 4);
  // Master 3 falls silent for longer than an election timeout, 2 does not.
  for (int i = 0; i < 12; ++i) {
    lone.pass(milliseconds(100));
    lone.confirm(2, 4);
  }
  lone.tell(3, raft::AppendEntriesResult{lone.engine.term(), 4, 0, 1, 0xffff});
  lone.pass(milliseconds(200));
  EXPECT_EQ(lone.last_sent<raft::AppendEntries>(3).prev_index, 4U);
}

TEST(RaftRule7, WhoRefusesAPreVoteTellsItsOwnTerm) {
  Lone lone;
  lone.tell(3, raft::RequestVote{9, 3, 1, 1, false, false});  // so the own term is 9 now
  lone.sync();
  lone.tell(2, raft::RequestVote{4, 2, 5, 3, false, true});
  const auto refused = lone.last_sent<raft::RequestVoteResult>(2);
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.term, 9U);
  lone.tell(2, raft::RequestVote{10, 2, 5, 3, false, true});
  const auto granted = lone.last_sent<raft::RequestVoteResult>(2);
  EXPECT_TRUE(granted.granted);
  EXPECT_EQ(granted.term, 10U) << "what was asked for";
}

TEST(RaftRule7, ACandidateTakesOverTheTermThatItIsRefusedFor) {
  Lone lone;
  while (lone.engine.role() == raft::Role::Follower) lone.pass(milliseconds(50));
  lone.tell(2, raft::RequestVoteResult{50, false, true, 1, 0xffff});
  EXPECT_EQ(lone.engine.term(), 50U);
  EXPECT_EQ(lone.engine.role(), raft::Role::Follower);
}

TEST(RaftRule8, AConfigurationThatIsAgreedOnStaysWhenTheNextOneIsLost) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {change(2, 4)}});
  lone.sync();
  // The first hears of the agreement together with the next change, which is then lost.
  lone.tell(2, raft::AppendEntries{2, 2, 2, 2, {change(2, 5)}});
  lone.sync();
  lone.tell(3, raft::AppendEntries{3, 2, 2, 2, {command(3)}});
  lone.sync();
  EXPECT_EQ(lone.engine.configuration().size(), 4U);
}

TEST(RaftRule8, ASnapshotBetweenTwoConfigurationsHoldsTheFirst) {
  Lone lone(options(3, 0));
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {change(2, 4), command(2)}});
  lone.sync();
  lone.tell(2, raft::AppendEntries{2, 3, 2, 3, {change(2, 5)}});
  lone.sync();
  ASSERT_EQ(lone.all<WantSnapshot>().size(), 1U);
  lone.engine.provide_snapshot(3, blob("state"), lone.now);
  lone.take();
  ASSERT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].meta.configuration_index, 2U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].meta.configuration.size(), 4U);
}

TEST(RaftRule9, TheLeaderOfAnOlderTermIsToldTheTermAndNothingIsConfirmedToIt) {
  Lone lone;
  lone.tell(3, raft::RequestVote{9, 3, 1, 1, false, false});  // so the own term is 9 now
  lone.sync();
  for (const raft::Index prev : {raft::Index{0}, raft::Index{1}}) {
    lone.tell(2, raft::AppendEntries{2, prev, prev, 0, {command(2)}});
    const auto result = lone.last_sent<raft::AppendEntriesResult>(2);
    EXPECT_EQ(result.term, 9U);
    EXPECT_EQ(result.rejected, 0U);
    EXPECT_EQ(result.last_index, 0U) << "it may lead term 9 when this arrives";
  }
}

}  // namespace
}  // namespace muster::failover::test
