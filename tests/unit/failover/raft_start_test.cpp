// How one engine starts, what it waits for, and whom it answers.
#include <algorithm>
#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/failover/raft_lone.h"

namespace muster::failover::test {
namespace {

TEST(RaftStart, ANewClusterWritesItsFirstEntryBeforeAnythingElse) {
  const Instant now{};
  RaftEngine engine(options(), 2, "m2", {{3, "m3", true}, {1, "m1", true}, {2, "m2", true}}, {}, 1,
                    now);
  EXPECT_EQ(engine.deadline(), kNever);
  engine.start(now, true);
  const std::vector<RaftEffect> effects = engine.take_effects();
  ASSERT_EQ(effects.size(), 4U);
  EXPECT_EQ(std::get<SaveVote>(effects[0]).term, 1U);
  const auto& append = std::get<AppendLog>(effects[1]);
  ASSERT_EQ(append.entries.size(), 1U);
  EXPECT_EQ(append.first, 1U);
  EXPECT_EQ(*append.entries[0].data, encode_configuration(servers(3))) << "sorted, so all alike";
  EXPECT_EQ(std::get<ConfigurationChanged>(effects[2]).servers, servers(3));
  EXPECT_EQ(std::get<RoleChanged>(effects[3]).role, raft::Role::Follower);
}

TEST(RaftStart, MessagesWaitForTheVoteThatTheyDependOn) {
  Lone lone;
  const std::vector<RaftEffect> effects = lone.tell(2, raft::RequestVote{2, 2, 1, 1, false, false});
  ASSERT_FALSE(effects.empty());
  EXPECT_EQ(std::get<SaveVote>(effects[0]).voted_for, 2U);
  EXPECT_TRUE(std::none_of(effects.begin(), effects.end(), [](const RaftEffect& effect) {
    return std::holds_alternative<SendRaft>(effect);
  }));
  lone.sync();
  EXPECT_TRUE(lone.last_sent<raft::RequestVoteResult>(2).granted);
}

TEST(RaftStart, ADiskThatCannotBeTrustedStopsTheEngine) {
  raft::Stored good;
  good.term = 3;
  good.entries = {change(1, 3), command(2), command(3)};
  EXPECT_TRUE(check_stored(good).has_value());

  std::vector<raft::Stored> bad(8, good);
  bad[0].term = 2;                 // an entry is newer
  bad[1].first = 2;                // nothing tells what was before
  bad[2].entries[0] = command(1);  // nothing tells who the masters are
  bad[3].entries[1].term = 0;
  bad[4].entries[2].term = 1;  // falls
  bad[5].entries[0].data = blob("\x01");
  bad[6].snapshot = {9, 2, 1, servers(3)};  // the log ends before it
  bad[6].snapshot_data = blob("");
  bad[7].snapshot = {2, 1, 1, servers(3)};  // the log says term 2
  bad[7].snapshot_data = blob("");
  for (std::size_t i = 0; i < bad.size(); ++i) {
    Lone lone(options(), bad[i]);
    ASSERT_EQ(lone.all<EngineFailed>().size(), 1U) << i;
    EXPECT_EQ(lone.engine.deadline(), kNever);
    lone.tell(2, raft::RequestVote{9, 2, 9, 9, false, false});
    lone.engine.propose({{1, "x"}}, lone.now);
    lone.take();
    EXPECT_EQ(lone.all<ProposalFailed>().size(), 1U) << "nobody is left waiting";
  }
}

TEST(RaftStart, ALogThatIsGoneIsNotTakenForANewCluster) {
  raft::Stored stored;
  stored.term = 5;
  Lone lone(options(), stored);
  ASSERT_EQ(lone.all<EngineFailed>().size(), 1U);
  EXPECT_NE(lone.all<EngineFailed>()[0].text.find("the consensus log is gone"), std::string::npos);
}

TEST(RaftStart, AListOfMastersWithOneTwiceIsRefused) {
  RaftEngine engine(options(), 1, "m1", {{1, "m1", true}, {2, "m1", true}}, {}, 1, Instant{});
  engine.start(Instant{}, true);
  ASSERT_EQ(engine.take_effects().size(), 1U);
}

TEST(RaftStart, TheDeadlineNeverLiesInThePast) {
  Lone lone;
  lone.now += std::chrono::hours(1);
  lone.engine.on_durable(0, lone.now);
  EXPECT_GT(lone.engine.deadline(), lone.now);
  lone.engine.on_durable(0, lone.now - std::chrono::minutes(5));  // an event that was late
  EXPECT_GT(lone.engine.deadline(), lone.now);
}

// The configuration may be old here: who leads, or asks for a vote, need not be in it.
TEST(RaftStart, AMasterThatIsNotInTheConfigurationMayLeadAndStandForElection) {
  Lone lone;
  lone.tell(77, raft::AppendEntries{2, 1, 1, 1, {command(2)}});
  lone.sync();
  EXPECT_EQ(lone.engine.leader(), 77U);
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(77).last_index, 2U);
  lone.tell(78, raft::RequestVote{3, 78, 9, 2, true, false});
  lone.sync();
  EXPECT_TRUE(lone.last_sent<raft::RequestVoteResult>(78).granted);
}

TEST(RaftStart, AMasterThatJoinsWaitsForALeaderAndGivesNoVote) {
  Lone lone(options(), {}, false);
  ASSERT_EQ(lone.effects.size(), 2U);
  EXPECT_EQ(lone.all<RoleChanged>().size(), 1U);
  ASSERT_EQ(lone.all<SaveVote>().size(), 1U);
  EXPECT_EQ(lone.all<SaveVote>()[0].self, 1U) << "whose log it is comes first";
  EXPECT_EQ(lone.all<SaveVote>()[0].voted_for, 0U);
  EXPECT_TRUE(lone.tell(2, raft::RequestVote{9, 2, 9, 9, true, false}).empty());
  lone.pass(std::chrono::seconds(30));
  EXPECT_EQ(lone.engine.role(), raft::Role::Follower);
  EXPECT_EQ(lone.engine.term(), 0U);
  lone.tell(2, raft::AppendEntries{5, 8, 5, 8, {}});
  lone.sync();
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).rejected, 8U);
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 0U);
  lone.tell(2, raft::AppendEntries{5, 0, 0, 2, {change(1, 3), command(2)}});
  lone.sync();
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 2U);
  EXPECT_EQ(lone.engine.applied_index(), 2U);
  EXPECT_EQ(lone.engine.configuration(), servers(3));
}

TEST(RaftStart, AMasterThatJoinedIsNotTakenForNewWhenItStopsBeforeItGotAnything) {
  raft::Stored heard_of_a_term;
  heard_of_a_term.term = 5;
  EXPECT_TRUE(Lone(options(), heard_of_a_term, false).all<EngineFailed>().empty());
  raft::Stored gave_a_vote = heard_of_a_term;  // so it had a configuration
  gave_a_vote.voted_for = 2;
  EXPECT_EQ(Lone(options(), gave_a_vote, false).all<EngineFailed>().size(), 1U);
}

TEST(RaftDurability, EntriesPutBackByALaterLeaderCountWhenTheirOwnWriteDoes) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {command(2), command(2)}});
  lone.tell(3, raft::AppendEntries{3, 1, 1, 1, {command(3)}});
  // Master 2 leads again and has its entries still.
  lone.tell(2, raft::AppendEntries{4, 1, 1, 1, {command(2), command(2), command(4)}});
  // All but the last write: now the disk has lost them, and the vote lets messages go.
  lone.engine.on_durable(lone.ticket - 1, lone.now);
  lone.take();
  for (const SendRaft& send : lone.all<SendRaft>()) {
    if (const auto* result = std::get_if<raft::AppendEntriesResult>(&send.message)) {
      EXPECT_LT(result->last_index, 3U);
    }
  }
  lone.sync();
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 4U);
}

std::vector<std::size_t> sizes(const std::vector<AppendLog>& writes) {
  std::vector<std::size_t> out;
  for (const AppendLog& write : writes) out.push_back(write.entries.size());
  return out;
}

TEST(RaftBatches, CommandsThatComeWhileTheDiskIsBusyGoTogether) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  const std::uint64_t before = lone.ticket;
  lone.effects.clear();
  for (std::uint64_t id = 1; id <= 10; ++id) lone.engine.propose({{id, "x"}}, lone.now);
  lone.take();
  EXPECT_EQ(sizes(lone.all<AppendLog>()), (std::vector<std::size_t>{1, 1, 1, 1}));
  lone.engine.on_durable(before + 1, lone.now);
  lone.take();
  EXPECT_EQ(sizes(lone.all<AppendLog>()), (std::vector<std::size_t>{1, 1, 1, 1, 6}));
  lone.sync();
  lone.confirm(2, 12);
  ASSERT_EQ(lone.all<Applied>().size(), 10U);
  for (std::uint64_t id = 1; id <= 10; ++id) EXPECT_EQ(lone.all<Applied>()[id - 1].proposal, id);
}

TEST(RaftBatches, ADiskThatStandsStillHoldsTheOtherMastersUpForAMomentOnly) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  lone.effects.clear();
  for (std::uint64_t id = 1; id <= 10; ++id) lone.engine.propose({{id, "x"}}, lone.now);
  EXPECT_LE(lone.engine.deadline() - lone.now, milliseconds(10));
  lone.now = lone.engine.deadline();
  lone.engine.tick(lone.now);
  lone.take();
  EXPECT_EQ(lone.all<AppendLog>().back().entries.size(), 6U);
  lone.tell(2, raft::AppendEntriesResult{lone.engine.term(), 0, 12, 1, 0xffff});
  lone.tell(3, raft::AppendEntriesResult{lone.engine.term(), 0, 12, 1, 0xffff});
  EXPECT_EQ(lone.all<Applied>().size(), 10U) << "the others have them";
}

TEST(RaftBatches, CommandsThatWaitWhenTheOfficeIsLostWereNotTried) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  for (std::uint64_t id = 1; id <= 6; ++id) lone.engine.propose({{id, "x"}}, lone.now);
  lone.tell(2, raft::AppendEntries{lone.engine.term() + 1, 2, lone.engine.term(), 2, {}});
  const auto failed = lone.all<ProposalFailed>();
  ASSERT_EQ(failed.size(), 6U);
  for (const ProposalFailed& one : failed) {
    EXPECT_EQ(one.error.code, one.proposal <= 4 ? Code::Unknown : Code::Unavailable);
  }
}

TEST(RaftEcho, OnlyTheLeaderOfTheOwnTermIsEchoed) {
  Lone lone;
  const auto echoes = [&lone](MasterId from, raft::Term term) {
    const std::vector<RaftEffect> effects = lone.tell(from, raft::ReadProbe{term, 5});
    return std::count_if(effects.begin(), effects.end(), [from](const RaftEffect& effect) {
      const auto* send = std::get_if<SendRaft>(&effect);
      return send != nullptr && send->to == from &&
             std::holds_alternative<raft::ReadEcho>(send->message);
    });
  };
  EXPECT_EQ(echoes(2, 1), 0) << "nobody leads yet";
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {}});
  lone.sync();
  EXPECT_EQ(echoes(2, 2), 1);
  EXPECT_EQ(echoes(2, 1), 0);
  EXPECT_EQ(echoes(2, 3), 0);
  EXPECT_EQ(echoes(3, 2), 0) << "another leads";
  lone.tell(3, raft::RequestVote{3, 3, 1, 1, true, false});
  lone.sync();
  EXPECT_EQ(echoes(2, 2), 0) << "it has voted for a later leader";
  EXPECT_EQ(echoes(3, 3), 0) << "which has not shown itself";
}

TEST(RaftEcho, AnEchoCountsInItsOwnTermOnly) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  lone.engine.read(7, lone.now);
  lone.take();
  const auto probe = lone.last_sent<raft::ReadProbe>(2);
  EXPECT_EQ(probe.term, lone.engine.term());
  lone.tell(2, raft::ReadEcho{probe.term - 1, probe.round});
  lone.tell(2, raft::ReadEcho{probe.term + 1, probe.round});
  lone.tell(2, raft::ReadEcho{probe.term, probe.round + 1});
  EXPECT_TRUE(lone.all<ReadReady>().empty());
  lone.tell(2, raft::ReadEcho{probe.term, probe.round});
  ASSERT_EQ(lone.all<ReadReady>().size(), 1U);
  EXPECT_EQ(lone.all<ReadReady>()[0].read, 7U);
}

}  // namespace
}  // namespace muster::failover::test
