#include "failover/raft_engine.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/failover/raft_cluster.h"

namespace muster::failover::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RaftOptions compacting() {
  RaftOptions options;
  options.snapshot_threshold = 40;
  options.snapshot_trailing = 10;
  return options;
}

void propose_many(Cluster& cluster, int count) {
  for (int i = 0; i < count; ++i) {
    const MasterId leader = cluster.elect();
    ASSERT_NE(leader, 0U);
    const std::uint64_t id = cluster.propose(leader);
    ASSERT_TRUE(cluster.run_until(seconds(5), [&] { return cluster.is_done(id); }));
  }
}

TEST(RaftCluster, ThreeMastersElectOneThatAllOfThemKnow) {
  Cluster cluster(3, 1);
  const MasterId leader = cluster.elect(seconds(2));
  ASSERT_NE(leader, 0U);
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] {
    for (MasterId id = 1; id <= 3; ++id) {
      if (cluster.master(id).role.leader != leader) return false;
    }
    return true;
  }));
  for (MasterId id = 1; id <= 3; ++id) {
    EXPECT_EQ(cluster.master(id).role.ready, id == leader);
    EXPECT_EQ(cluster.master(id).engine->configuration().size(), 3U);
  }
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, ACommandIsAppliedByAllAndAcknowledgedOnce) {
  Cluster cluster(3, 2);
  const std::uint64_t id = cluster.propose(cluster.elect());
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.acknowledged.count(id) == 1; }));
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.converged(); }));
  EXPECT_EQ(cluster.master(1).state.size(), 1U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, AnotherLeadsSoonAfterTheLeaderDies) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Cluster cluster(3, seed);
    const MasterId old = cluster.elect();
    ASSERT_NE(old, 0U);
    cluster.run(seconds(1));
    cluster.crash(old);
    // Both others must have missed it for up to two election timeouts, and may then collide.
    ASSERT_NE(cluster.elect(milliseconds(2500)), 0U) << "seed " << seed;
    EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
  }
}

TEST(RaftCluster, AMajorityOfTwoGoesOnAndTheThirdCatchesUp) {
  Cluster cluster(3, 3);
  const MasterId leader = cluster.elect();
  const MasterId cut_off = leader % 3 + 1;
  cluster.isolate(cut_off);
  propose_many(cluster, 50);
  EXPECT_TRUE(cluster.master(cut_off).state.empty());
  cluster.isolate(cut_off, false);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_EQ(cluster.acknowledged.size(), 50U);
  EXPECT_EQ(cluster.ready_leader(), leader) << "pre-vote keeps the cut-off one from disrupting";
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, ALeaderWithoutAQuorumStepsDownAndItsProposalsEndUnknown) {
  Cluster cluster(3, 4);
  const MasterId old = cluster.elect();
  cluster.isolate(old);
  const std::uint64_t id = cluster.propose(old);
  ASSERT_TRUE(cluster.run_until(seconds(2), [&] { return cluster.is_done(id); }));
  EXPECT_EQ(cluster.failed.at(id).code, Code::Unknown);
  EXPECT_NE(cluster.master(old).role.role, raft::Role::Leader);
  const std::uint64_t refused = cluster.propose(old);
  ASSERT_TRUE(cluster.is_done(refused));
  EXPECT_EQ(cluster.failed.at(refused).code, Code::Unavailable);
  cluster.heal();
  propose_many(cluster, 1);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, EverythingAcknowledgedSurvivesAPowerCut) {
  Cluster cluster(3, 5);
  propose_many(cluster, 30);
  for (MasterId id = 1; id <= 3; ++id) cluster.crash(id);
  for (MasterId id = 1; id <= 3; ++id) cluster.boot(id);
  ASSERT_NE(cluster.elect(), 0U);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_EQ(cluster.master(1).state.size(), 30U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, ALogIsCompactedAndAnEmptyMasterGetsASnapshot) {
  Cluster cluster(3, 6, compacting());
  cluster.crash(3);
  cluster.wipe(3);
  propose_many(cluster, 200);
  const MasterId leader = cluster.ready_leader();
  EXPECT_GT(cluster.master(leader).snapshots_put, 2);
  EXPECT_LT(cluster.master(leader).disk.entries.size(), 100U);
  cluster.boot(3);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_EQ(cluster.master(3).snapshots_installed, 1);
  EXPECT_EQ(cluster.master(3).disk.snapshot.configuration.size(), 3U);
  // The one that got it restarts from it, and can lead.
  propose_many(cluster, 20);
  cluster.crash(3);
  cluster.boot(3);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  ASSERT_TRUE(cluster.transfer(cluster.ready_leader(), 3).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.ready_leader() == 3; }));
  propose_many(cluster, 20);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, LeadershipIsHandedOverWithinAnElectionTimeout) {
  Cluster cluster(3, 7);
  const MasterId old = cluster.elect();
  cluster.run(seconds(1));
  const MasterId next = old % 3 + 1;
  EXPECT_EQ(cluster.transfer(old, old).error().code, Code::InvalidArgument);
  EXPECT_EQ(cluster.transfer(old, 77).error().code, Code::InvalidArgument);
  EXPECT_EQ(cluster.transfer(next, old).error().code, Code::Unavailable);
  ASSERT_TRUE(cluster.transfer(old, next).has_value());
  EXPECT_FALSE(cluster.master(old).engine->ready()) << "proposals are refused meanwhile";
  const std::uint64_t refused = cluster.propose(old);
  ASSERT_TRUE(cluster.is_done(refused));
  EXPECT_EQ(cluster.failed.at(refused).code, Code::Unavailable);
  ASSERT_TRUE(cluster.run_until(milliseconds(400), [&] { return cluster.ready_leader() == next; }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, AHandOverToADeadMasterEndsAndTheLeaderGoesOn) {
  Cluster cluster(3, 8);
  const MasterId leader = cluster.elect();
  cluster.run(seconds(1));
  cluster.crash(leader % 3 + 1);
  ASSERT_TRUE(cluster.transfer(leader, leader % 3 + 1).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.ready_leader() == leader; }));
  propose_many(cluster, 1);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, AnOnlyMasterLeadsAsSoonAsItsDiskAllowsInATermOfItsOwn) {
  Cluster cluster(1, 9, compacting());
  EXPECT_EQ(cluster.master(1).role.role, raft::Role::Leader);
  ASSERT_TRUE(cluster.run_until(milliseconds(50), [&] { return cluster.ready_leader() == 1; }));
  propose_many(cluster, 100);
  const raft::Term term = cluster.master(1).role.term;
  cluster.crash(1);
  cluster.boot(1);
  ASSERT_TRUE(cluster.run_until(milliseconds(50), [&] { return cluster.ready_leader() == 1; }));
  EXPECT_GT(cluster.master(1).role.term, term);
  EXPECT_EQ(cluster.master(1).state.size(), 100U);
  cluster.run(seconds(5));
  EXPECT_EQ(cluster.ready_leader(), 1U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, FiveMastersSurviveTheLossOfTwo) {
  Cluster cluster(5, 10);
  cluster.crash(cluster.elect());
  cluster.crash(cluster.elect());
  propose_many(cluster, 10);
  for (MasterId id = 1; id <= 5; ++id) cluster.boot(id);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftCluster, LargeCommandsTravelInSeveralMessages) {
  Cluster cluster(3, 11);
  const MasterId leader = cluster.elect();
  const MasterId behind = leader % 3 + 1;
  cluster.isolate(behind);
  for (int i = 0; i < 12; ++i) {
    const std::uint64_t id = cluster.propose(leader, std::size_t{1} << 20);
    ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.is_done(id); }));
  }
  cluster.isolate(behind, false);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

// --- everything at once -----------------------------------------------------------------------

struct Outcome {
  std::vector<std::string> wrong;
  std::uint64_t digest;
  std::size_t acknowledged;
  std::size_t answered;
  bool converged;
};

void do_harm(Cluster& cluster) {
  Rng& rng = cluster.rng();
  const MasterId any = 1 + rng.below(std::uint64_t{3});
  const MasterId other = any % 3 + 1;
  switch (rng.below(std::uint64_t{10})) {
    case 0: cluster.isolate(any); break;
    case 1: cluster.cut(any, other, true); break;  // one way
    case 2:
    case 3:
    case 4: cluster.heal(); break;
    case 5: cluster.crash(any); break;
    case 6:
      if (const MasterId leader = cluster.ready_leader()) cluster.crash(leader);
      break;
    case 7:
      if (rng.chance(30)) {
        for (MasterId id = 1; id <= 3; ++id) cluster.crash(id);
      }
      break;
    case 8:
      if (const MasterId leader = cluster.ready_leader()) {
        (void)cluster.transfer(leader, rng.chance(50) ? 0 : any);
      }
      break;
    default: cluster.faults.slow_disk = !cluster.faults.slow_disk; break;
  }
  for (MasterId id = 1; id <= 3; ++id) {
    cluster.later(rng.below(milliseconds(3000)), [&cluster, id] { cluster.boot(id); });
  }
  cluster.later(milliseconds(200) + rng.below(milliseconds(2500)), [&] { do_harm(cluster); });
}

void work(Cluster& cluster) {
  Rng& rng = cluster.rng();
  if (const MasterId leader = cluster.ready_leader()) {
    const std::uint64_t burst = rng.chance(10) ? 1 + rng.below(std::uint64_t{20}) : 1;
    for (std::uint64_t i = 0; i < burst; ++i) cluster.propose(leader);
  }
  cluster.read_anywhere();
  cluster.later(milliseconds(20) + rng.below(milliseconds(100)), [&] { work(cluster); });
}

Outcome harass(std::uint64_t seed, Duration how_long) {
  Cluster cluster(3, seed, compacting());
  cluster.faults = {.loss_percent = seed % 4 == 0 ? 5U : 0U, .reorder = seed % 2 == 0};
  cluster.later(seconds(1), [&] { work(cluster); });
  cluster.later(seconds(2), [&] { do_harm(cluster); });
  cluster.run(how_long);
  cluster.stop_scripts();
  cluster.faults = {};
  cluster.heal();
  for (MasterId id = 1; id <= 3; ++id) cluster.boot(id);
  const std::size_t before = cluster.acknowledged.size();
  if (const MasterId leader = cluster.elect(seconds(10))) cluster.propose(leader);
  const bool converged = cluster.run_until(
      seconds(10), [&] { return cluster.acknowledged.size() > before && cluster.converged(); });
  return {cluster.wrong, cluster.digest, cluster.acknowledged.size(), cluster.answered.size(),
          converged};
}

class RaftUnderHarm : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RaftUnderHarm, KeepsItsPromises) {
  const Outcome outcome = harass(GetParam(), seconds(60));
  EXPECT_TRUE(outcome.wrong.empty())
      << outcome.wrong.size() << " promises broken, the first: " << outcome.wrong.front();
  EXPECT_TRUE(outcome.converged);
  EXPECT_GT(outcome.acknowledged, 20U);
  EXPECT_GT(outcome.answered, 20U);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RaftUnderHarm, testing::Range<std::uint64_t>(1, 41));

TEST(RaftDeterminism, TheSameSeedGivesTheSameRun) {
  EXPECT_EQ(harass(4, seconds(20)).digest, harass(4, seconds(20)).digest);
  EXPECT_NE(harass(4, seconds(5)).digest, harass(5, seconds(5)).digest);
}

}  // namespace
}  // namespace muster::failover::test
