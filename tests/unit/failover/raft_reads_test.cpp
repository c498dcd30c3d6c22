#include "failover/raft_reads.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/failover/raft_cluster.h"

namespace muster::failover::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<std::uint64_t> ids(const std::vector<RaftReads::Read>& reads) {
  std::vector<std::uint64_t> out;
  for (const RaftReads::Read& read : reads) out.push_back(read.id);
  return out;
}
using Ids = std::vector<std::uint64_t>;

TEST(RaftReads, AReadNeedsAProbeThatWasSentAfterItCame) {
  RaftReads reads(10);
  reads.add(1, 5);
  EXPECT_EQ(reads.next_round(), 1U);
  reads.add(2, 5);  // the probe is under way: too late for it
  EXPECT_EQ(reads.next_round(), std::nullopt);
  reads.on_echo(2, 1);
  EXPECT_EQ(ids(reads.take_ready(masters(3), 1, 5)), Ids{1});
  EXPECT_EQ(reads.next_round(), 2U);
  reads.on_echo(2, 1);  // once more, late
  EXPECT_EQ(ids(reads.take_ready(masters(3), 1, 5)), Ids{});
  reads.on_echo(3, 2);
  EXPECT_EQ(ids(reads.take_ready(masters(3), 1, 5)), Ids{2});
  EXPECT_EQ(reads.next_round(), std::nullopt) << "nobody waits";
}

TEST(RaftReads, AllThatWaitShareOneProbe) {
  RaftReads reads(10);
  reads.add(1, 5);
  EXPECT_EQ(reads.next_round(), 1U);
  for (std::uint64_t id = 2; id <= 9; ++id) reads.add(id, 5 + id);
  reads.on_echo(2, 1);
  EXPECT_EQ(ids(reads.take_ready(masters(3), 1, 5)), Ids{1});
  EXPECT_EQ(reads.next_round(), 2U);
  reads.on_echo(2, 2);
  EXPECT_EQ(ids(reads.take_ready(masters(3), 1, 8)), (Ids{2, 3})) << "the others wait for entries";
  EXPECT_EQ(ids(reads.take_ready(masters(3), 1, 99)).size(), 6U);
}

TEST(RaftReads, OnlyMoreThanHalfOfTheVotersAreAQuorum) {
  const std::vector<raft::Server> servers = {{1, "a", true}, {2, "b", true},  {3, "c", true},
                                             {4, "d", true}, {5, "e", false}, {6, "f", false}};
  RaftReads reads(10);
  reads.add(1, 1);
  ASSERT_EQ(reads.next_round(), 1U);
  for (const MasterId id : {2U, 5U, 6U, 7U}) reads.on_echo(id, 1);
  EXPECT_EQ(ids(reads.take_ready(servers, 1, 1)), Ids{}) << "two voters of four";
  reads.on_echo(4, 1);
  EXPECT_EQ(ids(reads.take_ready(servers, 1, 1)), Ids{1});
  // One that leads and was removed does not count itself.
  reads.add(2, 1);
  ASSERT_EQ(reads.next_round(), 2U);
  reads.on_echo(2, 2);
  reads.on_echo(3, 2);
  EXPECT_EQ(ids(reads.take_ready(servers, 9, 1)), Ids{});
  reads.on_echo(1, 2);
  EXPECT_EQ(ids(reads.take_ready(servers, 9, 1)), Ids{2});
}

TEST(RaftReads, AnEchoOfWhatWasNeverAskedIsNothing) {
  RaftReads reads(10);
  reads.on_echo(2, 1);
  reads.add(1, 1);
  ASSERT_EQ(reads.next_round(), 1U);
  reads.on_echo(2, 7);
  EXPECT_EQ(ids(reads.take_ready(masters(3), 1, 1)), Ids{});
}

TEST(RaftReads, EchoesOfAnEarlierReignAreForgotten) {
  RaftReads reads(2);
  reads.add(1, 1);
  ASSERT_EQ(reads.next_round(), 1U);
  reads.on_echo(2, 1);
  reads.add(2, 1);
  EXPECT_TRUE(reads.full());
  EXPECT_EQ(ids(reads.take_all()), (Ids{1, 2}));
  EXPECT_EQ(reads.open_round(), 0U);
  reads.add(3, 1);
  EXPECT_EQ(ids(reads.take_ready(masters(3), 1, 1)), Ids{});
  ASSERT_EQ(reads.next_round(), 2U);
}

// --- in a cluster -----------------------------------------------------------------------------

TEST(RaftClusterReads, ALeaderAnswersWithWhatWasAcknowledgedBefore) {
  Cluster cluster(3, 1);
  const MasterId leader = cluster.elect();
  const std::uint64_t write = cluster.propose(leader);
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.is_done(write); }));
  const std::uint64_t read = cluster.read(leader);
  EXPECT_EQ(cluster.answered.count(read), 0U) << "nobody was asked yet";
  ASSERT_TRUE(cluster.run_until(milliseconds(20), [&] { return cluster.answered.count(read); }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftClusterReads, AFollowerRefuses) {
  Cluster cluster(3, 1);
  const std::uint64_t read = cluster.read(cluster.elect() % 3 + 1);
  ASSERT_EQ(cluster.unread.count(read), 1U);
  EXPECT_EQ(cluster.unread.at(read).code, Code::Unavailable);
}

TEST(RaftClusterReads, AnOnlyMasterAnswersAtOnceButNotBeforeItsOwnBarrier) {
  Cluster cluster(1, 2);
  const std::uint64_t early = cluster.read(1);  // the disk has not written the barrier yet
  EXPECT_EQ(cluster.answered.count(early) + cluster.unread.count(early), 0U);
  ASSERT_EQ(cluster.elect(), 1U);
  EXPECT_EQ(cluster.answered.count(early), 1U);
  EXPECT_EQ(cluster.answered.count(cluster.read(1)), 1U);
}

TEST(RaftClusterReads, ALeaderThatIsCutOffAnswersNothing) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Cluster cluster(3, seed);
    const MasterId old = cluster.elect();
    cluster.isolate(old);
    const std::uint64_t read = cluster.read(old);
    ASSERT_TRUE(cluster.run_until(seconds(2), [&] { return cluster.unread.count(read) == 1; }));
    EXPECT_EQ(cluster.unread.at(read).code, Code::Unavailable);
    EXPECT_EQ(cluster.answered.count(read), 0U);
  }
}

TEST(RaftClusterReads, AnOldLeaderThatComesBackDoesNotAnswerWhatWaited) {
  Cluster cluster(3, 3);
  const MasterId old = cluster.elect();
  cluster.isolate(old);
  const std::uint64_t read = cluster.read(old);
  ASSERT_TRUE(cluster.run_until(seconds(5), [&] { return cluster.ready_leader() != old; }));
  cluster.propose(cluster.elect());
  cluster.heal();
  cluster.run(seconds(1));
  EXPECT_EQ(cluster.answered.count(read), 0U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftClusterReads, AHandOverFailsWhatWaitsAndWhatComes) {
  Cluster cluster(3, 4);
  const MasterId leader = cluster.elect();
  cluster.run(seconds(1));
  const std::uint64_t waiting = cluster.read(leader);
  ASSERT_TRUE(cluster.transfer(leader, leader % 3 + 1).has_value());
  EXPECT_EQ(cluster.unread.count(waiting), 1U);
  const std::uint64_t late = cluster.read(leader);
  EXPECT_EQ(cluster.unread.count(late), 1U);
}

TEST(RaftClusterReads, AProbeThatIsLostIsSentAgain) {
  Cluster cluster(3, 5);
  const MasterId leader = cluster.elect();
  cluster.run(seconds(1));
  cluster.isolate(leader);
  const std::uint64_t read = cluster.read(leader);
  cluster.run(milliseconds(10));
  cluster.heal();
  ASSERT_TRUE(cluster.run_until(milliseconds(300), [&] { return cluster.answered.count(read); }));
  EXPECT_EQ(cluster.ready_leader(), leader);
}

TEST(RaftClusterReads, TooManyThatWaitAreRefused) {
  RaftOptions options;
  options.reads_max = 3;
  Cluster cluster(3, 6, options);
  const MasterId leader = cluster.elect();
  for (int i = 0; i < 5; ++i) cluster.read(leader);
  EXPECT_EQ(cluster.unread.size(), 2U);
  EXPECT_EQ(cluster.unread.begin()->second.code, Code::Exhausted);
  ASSERT_TRUE(cluster.run_until(seconds(1), [&] { return cluster.answered.size() == 3; }));
}

}  // namespace
}  // namespace muster::failover::test
