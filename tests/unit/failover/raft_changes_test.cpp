#include "failover/raft_changes.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/failover/raft_cluster.h"

namespace muster::failover::test {
namespace {

using raft::ChangeKind;
using std::chrono::milliseconds;
using std::chrono::seconds;

// --- the arithmetic ---------------------------------------------------------------------------

TEST(RaftNextConfiguration, ChangesOneServerAndKeepsTheOrder) {
  const std::vector<raft::Server> two = {{7, "g:1", true}, {3, "c:1", false}};
  const auto added = next_configuration(two, {ChangeKind::Add, {5, "e:1", true}});
  EXPECT_EQ(added.value(),
            (std::vector<raft::Server>{{7, "g:1", true}, {3, "c:1", false}, {5, "e:1", false}}));
  const auto promoted = next_configuration(two, {ChangeKind::Promote, {3, "", false}});
  EXPECT_EQ(promoted.value(), (std::vector<raft::Server>{{7, "g:1", true}, {3, "c:1", true}}));
  const auto removed = next_configuration(two, {ChangeKind::Remove, {3, "", false}});
  EXPECT_EQ(removed.value(), (std::vector<raft::Server>{{7, "g:1", true}}));
}

TEST(RaftNextConfiguration, RefusesWhatLeadsNowhere) {
  const std::vector<raft::Server> two = {{7, "g:1", true}, {3, "c:1", false}};
  const auto code = [&](ChangeKind kind, const raft::Server& server) {
    return next_configuration(two, {kind, server}).error().code;
  };
  EXPECT_EQ(code(ChangeKind::Add, {7, "x:1", true}), Code::Conflict);
  EXPECT_EQ(code(ChangeKind::Add, {8, "g:1", true}), Code::InvalidArgument) << "address taken";
  EXPECT_EQ(code(ChangeKind::Add, {8, "", true}), Code::InvalidArgument);
  EXPECT_EQ(code(ChangeKind::Add, {0, "x:1", true}), Code::InvalidArgument);
  EXPECT_EQ(code(ChangeKind::Promote, {7, "", true}), Code::Conflict) << "has a vote";
  EXPECT_EQ(code(ChangeKind::Promote, {9, "", true}), Code::NotFound);
  EXPECT_EQ(code(ChangeKind::Remove, {9, "", true}), Code::NotFound);
  EXPECT_EQ(code(ChangeKind::Remove, {7, "", true}), Code::Conflict) << "the last with a vote";
  std::vector<raft::Server> many;
  for (MasterId id = 1; id <= kServersMax; ++id) many.push_back({id, address_of(id), true});
  EXPECT_EQ(next_configuration(many, {ChangeKind::Add, {99, "x:1", true}}).error().code,
            Code::Exhausted);
}

// --- in a cluster -----------------------------------------------------------------------------

void propose_many(Cluster& cluster, int count) {
  for (int i = 0; i < count; ++i) {
    const MasterId leader = cluster.elect();
    ASSERT_NE(leader, 0U);
    const std::uint64_t id = cluster.propose(leader);
    ASSERT_TRUE(cluster.run_until(seconds(5), [&] { return cluster.is_done(id); }));
  }
}

// One that is accepted, and done.
void make(Cluster& cluster, ChangeKind kind, MasterId id) {
  const MasterId leader = cluster.elect();
  ASSERT_NE(leader, 0U);
  const std::size_t before = cluster.done.size();
  const Status accepted = cluster.change(leader, kind, id);
  ASSERT_TRUE(accepted.has_value()) << accepted.error().text;
  ASSERT_TRUE(cluster.run_until(seconds(10), [&] { return cluster.done.size() == before + 1; }));
  EXPECT_EQ(cluster.done.back().kind, kind);
  EXPECT_EQ(cluster.done.back().server.id, id);
}

void join(Cluster& cluster, MasterId id) {
  cluster.boot_anew(id);
  make(cluster, ChangeKind::Add, id);
  make(cluster, ChangeKind::Promote, id);
}

TEST(RaftChanges, OneMasterBecomesThreeAndAnyOneOfThemMayDie) {
  Cluster cluster(1, 1, {}, 2);
  propose_many(cluster, 20);
  join(cluster, 2);
  propose_many(cluster, 20);
  join(cluster, 3);
  propose_many(cluster, 20);
  ASSERT_TRUE(cluster.run_until(seconds(2), [&] { return cluster.converged(); }));
  EXPECT_EQ(cluster.master(3).state.size(), 60U);
  for (MasterId id = 1; id <= 3; ++id) {
    cluster.crash(id);
    propose_many(cluster, 5);
    cluster.boot(id);
    ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  }
  EXPECT_EQ(cluster.members().size(), 3U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftChanges, OneThatDiesWhileItMakesASecondVoterIsElectedAgain) {
  for (const bool informed : {false, true}) {
    SCOPED_TRACE(informed);
    Cluster cluster(1, 7, {}, 1);
    cluster.boot_anew(2);
    make(cluster, ChangeKind::Add, 2);
    ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.converged(); }));
    cluster.run(milliseconds(50));                          // that is acknowledged
    cluster.cut(informed ? 2 : 1, informed ? 1 : 2, true);  // its acknowledgement, or all
    ASSERT_TRUE(cluster.change(1, ChangeKind::Promote, 2).has_value());
    cluster.run(milliseconds(100));  // enough for any disk
    ASSERT_EQ(cluster.members().size(), 2U);
    ASSERT_TRUE(cluster.members().back().voter) << "it is under way";
    cluster.crash(1);
    cluster.heal();
    cluster.boot(1);
    propose_many(cluster, 3);
    EXPECT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
    EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
  }
}

TEST(RaftChanges, WhoIsAddedHasNoVoteUntilItIsPromoted) {
  Cluster cluster(1, 2, {}, 1);
  cluster.boot_anew(2);
  make(cluster, ChangeKind::Add, 2);
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.converged(); }));
  EXPECT_FALSE(cluster.members().back().voter);
  cluster.crash(2);
  propose_many(cluster, 3);  // is not needed for anything
  cluster.boot(2);
  cluster.crash(1);
  cluster.run(seconds(5));
  EXPECT_EQ(cluster.ready_leader(), 0U) << "and stands for no election";
  EXPECT_EQ(cluster.master(2).role.role, raft::Role::Follower);
}

TEST(RaftChanges, OneThatJoinsGetsASnapshotWhenTheLogIsGone) {
  RaftOptions options;
  options.snapshot_threshold = 40;
  options.snapshot_trailing = 10;
  Cluster cluster(2, 3, options, 1);
  propose_many(cluster, 150);
  join(cluster, 3);
  EXPECT_EQ(cluster.master(3).snapshots_installed, 1);
  cluster.crash(3);
  cluster.boot(3);  // from that snapshot
  cluster.crash(1);
  propose_many(cluster, 5);
  cluster.boot(1);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftChanges, APromotionWaitsForWhoIsBehind) {
  RaftOptions options;
  options.catch_up_timeout = seconds(8);
  Cluster cluster(3, 4, options, 1);
  cluster.boot_anew(4);
  make(cluster, ChangeKind::Add, 4);
  cluster.isolate(4);
  propose_many(cluster, 20);
  const MasterId leader = cluster.ready_leader();
  ASSERT_TRUE(cluster.change(leader, ChangeKind::Promote, 4).has_value());
  cluster.run(seconds(2));
  EXPECT_TRUE(cluster.undone.empty());
  EXPECT_EQ(cluster.done.size(), 1U);
  cluster.heal();
  ASSERT_TRUE(cluster.run_until(seconds(2), [&] { return cluster.done.size() == 2; }));
  EXPECT_TRUE(cluster.members().back().voter);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftChanges, APromotionOfOneThatNeverCatchesUpIsGivenUp) {
  RaftOptions options;
  options.catch_up_timeout = seconds(3);
  Cluster cluster(3, 5, options, 1);
  make(cluster, ChangeKind::Add, 4);  // which is not there
  const MasterId leader = cluster.elect();
  ASSERT_TRUE(cluster.change(leader, ChangeKind::Promote, 4).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(4), [&] { return !cluster.undone.empty(); }));
  EXPECT_EQ(cluster.undone[0].second.code, Code::Timeout);
  EXPECT_FALSE(cluster.members().back().voter);
  make(cluster, ChangeKind::Remove, 4);  // and the next change may come
  EXPECT_EQ(cluster.members().size(), 3U);
}

TEST(RaftChanges, WhoIsRemovedDisturbsNobody) {
  Cluster cluster(4, 6);
  const MasterId leader = cluster.elect();
  const MasterId removed = leader % 4 + 1;
  make(cluster, ChangeKind::Remove, removed);
  cluster.run(seconds(10));
  EXPECT_EQ(cluster.ready_leader(), leader);
  EXPECT_EQ(cluster.members().size(), 3U);
  cluster.crash(leader);
  propose_many(cluster, 5);
  EXPECT_NE(cluster.ready_leader(), removed);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftChanges, ALeaderHandsOverBeforeItIsRemoved) {
  Cluster cluster(3, 7);
  const MasterId old = cluster.elect();
  cluster.run(seconds(1));
  ASSERT_TRUE(cluster.change(old, ChangeKind::Remove, old).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return !cluster.undone.empty(); }));
  EXPECT_EQ(cluster.undone[0].second.code, Code::Unavailable);
  ASSERT_TRUE(cluster.run_until(milliseconds(400), [&] {
    const MasterId next = cluster.ready_leader();
    return next != 0 && next != old;
  }));
  make(cluster, ChangeKind::Remove, old);
  propose_many(cluster, 3);
  EXPECT_EQ(cluster.members().size(), 2U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftChanges, ALeaderThatCannotHandOverStays) {
  Cluster cluster(3, 8);
  const MasterId old = cluster.elect();
  cluster.run(seconds(1));
  for (MasterId id = 1; id <= 3; ++id) cluster.cut(old, id, true);  // its word does not get through
  ASSERT_TRUE(cluster.change(old, ChangeKind::Remove, old).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(2), [&] { return !cluster.undone.empty(); }));
  EXPECT_NE(cluster.undone[0].second.code, Code::Unknown);
}

TEST(RaftChanges, OneAtATimeAndOnlyByAReadyLeader) {
  Cluster cluster(3, 9, {}, 2);
  const MasterId leader = cluster.elect();
  EXPECT_EQ(cluster.change(leader % 3 + 1, ChangeKind::Add, 4).error().code, Code::Unavailable);
  ASSERT_TRUE(cluster.change(leader, ChangeKind::Add, 4).has_value());
  EXPECT_EQ(cluster.change(leader, ChangeKind::Add, 5).error().code, Code::Conflict);
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.done.size() == 1; }));
  EXPECT_EQ(cluster.change(leader, ChangeKind::Add, 4).error().code, Code::Conflict);
  ASSERT_TRUE(cluster.change(leader, ChangeKind::Add, 5).has_value());
}

TEST(RaftChanges, NothingChangesBeforeTheOwnBarrierIsApplied) {
  Cluster cluster(3, 10, {}, 1);
  const MasterId old = cluster.elect();
  cluster.crash(old);
  MasterId next = 0;
  ASSERT_TRUE(cluster.run_until(seconds(5), [&] {
    for (MasterId id = 1; id <= 3; ++id) {
      if (cluster.master(id).role.role == raft::Role::Leader && !cluster.master(id).role.ready) {
        next = id;
      }
    }
    return next != 0;
  }));
  if (cluster.master(next).engine) {
    EXPECT_EQ(cluster.change(next, ChangeKind::Add, 4).error().code, Code::Unavailable);
  }
}

TEST(RaftChanges, NoRemovalLeavesTheRestWithoutAQuorum) {
  Cluster cluster(3, 11);
  const MasterId leader = cluster.elect();
  cluster.crash(leader % 3 + 1);
  cluster.run(seconds(2));
  const MasterId alive = (leader + 1) % 3 + 1;
  const Status refused = cluster.change(leader, ChangeKind::Remove, alive);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::Unavailable);
  make(cluster, ChangeKind::Remove, leader % 3 + 1);  // the dead one may go
  EXPECT_EQ(cluster.members().size(), 2U);
}

TEST(RaftChanges, AFreshLeaderHearsTheOthersBeforeItSaysThatThereIsNoQuorum) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Cluster cluster(3, seed);
    const MasterId leader = cluster.elect();
    make(cluster, ChangeKind::Remove, (seed % 2 == 0 ? leader : leader + 1) % 3 + 1);
    EXPECT_EQ(cluster.members().size(), 2U) << seed;
  }
}

TEST(RaftChanges, AFreshLeaderOfTooFewSaysSoInTheEnd) {
  Cluster cluster(3, 11);
  const MasterId gone = cluster.elect();
  cluster.crash(gone);
  const MasterId leader = cluster.elect();
  const MasterId alive = 6 - leader - gone;
  ASSERT_TRUE(cluster.change(leader, ChangeKind::Remove, alive).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.undone.size() == 1; }));
  EXPECT_EQ(cluster.undone[0].second.code, Code::Unavailable);
  EXPECT_EQ(cluster.master(leader).role.role, raft::Role::Leader);
}

TEST(RaftChanges, AChangeThatIsLostWithItsLeaderIsAbsentAfterwards) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Cluster cluster(3, seed, {}, 1);
    const MasterId old = cluster.elect();
    cluster.isolate(old);
    ASSERT_TRUE(cluster.change(old, ChangeKind::Add, 4).has_value());
    ASSERT_TRUE(cluster.run_until(
        seconds(3), [&] { return cluster.ready_leader() != 0 && cluster.ready_leader() != old; }));
    ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.undone.size() == 1; }));
    EXPECT_EQ(cluster.undone[0].second.code, Code::Unknown);
    propose_many(cluster, 3);
    if (seed % 2 == 0) {  // the old one finds the lost change on its disk first
      cluster.crash(old);
      cluster.boot(old);
    }
    cluster.heal();
    ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
    EXPECT_EQ(cluster.master(old).engine->configuration().size(), 3U);
    make(cluster, ChangeKind::Add, 4);
    EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
  }
}

TEST(RaftChanges, AChangeThatASuccessorHasIsPresentAfterwards) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Cluster cluster(3, seed, {}, 1);
    const MasterId old = cluster.elect();
    cluster.run(seconds(1));
    ASSERT_TRUE(cluster.change(old, ChangeKind::Add, 4).has_value());
    ASSERT_TRUE(cluster.run_until(seconds(1), [&] {
      for (MasterId id = 1; id <= 3; ++id) {
        if (cluster.master(id).disk.entries.back().type != raft::EntryType::Change) return false;
      }
      return true;
    }));
    cluster.crash(old);
    propose_many(cluster, 1);
    EXPECT_EQ(cluster.members().size(), 4U);
    EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
  }
}

TEST(RaftChanges, TheMastersAreKnownAfterARestartFromLogAndFromSnapshot) {
  RaftOptions options;
  options.snapshot_threshold = 30;
  options.snapshot_trailing = 5;
  Cluster cluster(2, 12, options, 2);
  join(cluster, 3);
  make(cluster, ChangeKind::Add, 4);
  for (const int more : {0, 100}) {
    propose_many(cluster, more);
    for (MasterId id = 1; id <= 3; ++id) cluster.crash(id);
    for (MasterId id = 1; id <= 3; ++id) cluster.boot(id);
    ASSERT_NE(cluster.elect(), 0U);
    ASSERT_EQ(cluster.members().size(), 4U);
    EXPECT_TRUE(cluster.members()[2].voter);
    EXPECT_FALSE(cluster.members()[3].voter);
  }
  EXPECT_GT(cluster.master(1).disk.snapshot.index, 0U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

// Were the link to the new one cut just now, two of four would be left that know they have a vote.
TEST(RaftChanges, NobodyIsPromotedWhileTheOthersAloneAreNoQuorumOfThoseAfterwards) {
  Cluster cluster(3, 15, {}, 1);
  cluster.elect();
  cluster.run(seconds(1));
  const MasterId away = cluster.ready_leader() % 3 + 1;
  make(cluster, ChangeKind::Add, 4);
  cluster.crash(away);
  cluster.run(seconds(1));
  const MasterId leader = cluster.elect();
  ASSERT_TRUE(cluster.change(leader, ChangeKind::Promote, 4).has_value());  // it is waited for
  const auto promoted = [&] {
    const auto members = cluster.members();
    return std::any_of(members.begin(), members.end(),
                       [](const raft::Server& one) { return one.id == 4 && one.voter; });
  };
  cluster.run(seconds(5));
  EXPECT_FALSE(promoted());
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

// The one that was away knows two masters who are no more, and not the one that leads.
TEST(RaftChanges, WhoWasAwayAcceptsALeaderThatItNeverHeardOf) {
  Cluster cluster(3, 13, {}, 2);
  cluster.elect();
  cluster.run(seconds(1));
  const MasterId away = cluster.ready_leader() % 3 + 1;
  join(cluster, 4);
  cluster.crash(away);
  join(cluster, 5);
  ASSERT_TRUE(cluster.transfer(cluster.elect(), 5).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.ready_leader() == 5; }));
  for (MasterId id = 1; id <= 3; ++id) {
    if (id == away) continue;
    // Else two of four would remain with a vote, of whom one is away.
    make(cluster, ChangeKind::Remove, id);
    cluster.retire(id);
    if (cluster.members().size() == 4) propose_many(cluster, 2);
  }
  ASSERT_EQ(cluster.ready_leader(), 5U);
  cluster.boot(away);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_EQ(cluster.master(away).agreed.size(), 3U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftChanges, ALeaderTellsHowTheOthersDo) {
  Cluster cluster(3, 14, {}, 1);
  const MasterId leader = cluster.elect();
  propose_many(cluster, 3);
  cluster.run(seconds(1));
  make(cluster, ChangeKind::Add, 4);
  const std::vector<Progress> all = cluster.master(leader).engine->progress();
  ASSERT_EQ(all.size(), 4U);
  for (const Progress& one : all) {
    EXPECT_EQ(one.address, address_of(one.id));
    EXPECT_EQ(one.voter, one.id != 4);
    EXPECT_EQ(one.catching_up, one.id == 4);
    EXPECT_EQ(one.last_contact.has_value(), one.id != 4);
    if (one.id != 4) {
      EXPECT_LT(cluster.now - *one.last_contact, milliseconds(300));
      EXPECT_GE(one.match, 4U);
    }
  }
  EXPECT_TRUE(cluster.master(leader % 3 + 1).engine->progress().empty()) << "not a leader";
}

TEST(RaftChanges, AFollowerTellsWhenItHeardTheLeaderLast) {
  Cluster cluster(3, 15);
  const MasterId leader = cluster.elect();
  cluster.run(seconds(1));
  const MasterId follower = leader % 3 + 1;
  const auto contact = [&] { return cluster.master(follower).engine->leader_contact(); };
  ASSERT_TRUE(contact().has_value());
  EXPECT_LT(cluster.now - *contact(), milliseconds(300));
  cluster.isolate(follower);
  cluster.run(seconds(10));
  EXPECT_GT(cluster.now - *contact(), seconds(9));
  EXPECT_LT(cluster.now - *cluster.master(leader).engine->leader_contact(), milliseconds(300));
}

TEST(RaftChanges, EachElectionHasAReason) {
  Cluster cluster(3, 16);
  const auto reason = [&](MasterId id) { return cluster.master(id).engine->election_reason(); };
  const MasterId first = cluster.elect();
  EXPECT_NE(reason(first).find("since its start"), std::string::npos) << reason(first);
  cluster.run(seconds(1));
  const MasterId second = first % 3 + 1;
  const MasterId third = second % 3 + 1;
  ASSERT_TRUE(cluster.transfer(first, second).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.ready_leader() == second; }));
  EXPECT_NE(reason(second).find("asked this one to take over"), std::string::npos);
  EXPECT_NE(reason(third).find(address_of(second) + " stood for election"), std::string::npos);
  cluster.run(seconds(1));
  cluster.isolate(second);
  ASSERT_TRUE(cluster.run_until(seconds(5), [&] { return cluster.ready_leader() != second; }));
  const MasterId now = cluster.elect();
  EXPECT_NE(reason(now).find("not heard the coordinator for"), std::string::npos) << reason(now);
  EXPECT_NE(reason(second).find("no quorum answered"), std::string::npos) << reason(second);
  Cluster alone(1, 1);
  EXPECT_NE(alone.master(1).engine->election_reason(), "");
}

}  // namespace
}  // namespace muster::failover::test
