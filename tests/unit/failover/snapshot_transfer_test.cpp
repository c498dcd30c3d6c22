#include "failover/snapshot_transfer.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "tests/unit/failover/raft_cluster.h"

namespace muster::failover::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMiB = std::size_t{1} << 20;

raft::Blob random_bytes(std::size_t size) {
  Rng rng(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng.next());
  return std::make_shared<const std::string>(std::move(bytes));
}

raft::SnapshotMeta meta(raft::Index index = 9) { return {index, 3, 1, masters(3)}; }

// Until the sender has nothing more to say; nothing is lost.
void pass_all(SnapshotSender& sender, SnapshotReceiver& receiver, std::uint64_t now) {
  for (auto chunks = sender.take(5, now); !chunks.empty(); chunks = sender.take(5, now)) {
    for (const raft::SnapshotChunk& chunk : chunks) {
      sender.on_ack(receiver.take(1, chunk), now);
    }
  }
}

TEST(SnapshotTransfer, AnySizeArrivesAsItWas) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kMiB - 1, kMiB, kMiB + 1, 4 * kMiB, 4 * kMiB + 12345}) {
    const raft::Blob data = random_bytes(size);
    SnapshotSender sender(meta(), data, 0);
    SnapshotReceiver receiver;
    pass_all(sender, receiver, 0);
    const auto whole = receiver.take_whole();
    ASSERT_TRUE(whole.has_value()) << size;
    EXPECT_EQ(*whole->data, *data);
    EXPECT_EQ(whole->meta, meta());
    EXPECT_EQ(whole->term, 5U);
    EXPECT_EQ(sender.offset(), size);
    EXPECT_TRUE(receiver.empty());
  }
}

TEST(SnapshotTransfer, OnlyAFewChunksAreUnderWay) {
  SnapshotSender sender(meta(), random_bytes(8 * kMiB), 0);
  std::vector<raft::SnapshotChunk> sent = sender.take(5, 0);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_TRUE(sender.take(5, 10).empty());
  sender.on_ack(kMiB, 20);
  sent = sender.take(5, 20);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].offset, 2 * kMiB);
  EXPECT_LE(sent[0].bytes->size(), kSnapshotChunkBytes);
}

TEST(SnapshotTransfer, WhatIsLostIsSentAgainFromWhereTheReceiverIs) {
  const raft::Blob data = random_bytes(5 * kMiB);
  SnapshotSender sender(meta(), data, 0);
  SnapshotReceiver receiver;
  sender.on_ack(receiver.take(1, sender.take(5, 0)[0]), 0);
  ASSERT_EQ(sender.take(5, 0).size(), 1U);  // lost, as is the one before
  EXPECT_TRUE(sender.take(5, sender.retry_at() - 1).empty());
  const std::uint64_t first_retry = sender.retry_at();
  const auto again = sender.take(5, first_retry);
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].offset, kMiB);
  EXPECT_GT(sender.retry_at() - first_retry, first_retry) << "patience grows without an answer";
  for (const raft::SnapshotChunk& chunk : again) sender.on_ack(receiver.take(1, chunk), 5000);
  pass_all(sender, receiver, 5000);
  EXPECT_EQ(*receiver.take_whole()->data, *data);
}

TEST(SnapshotTransfer, ChunksOutOfOrderAndTwiceChangeNothing) {
  SnapshotSender sender(meta(), random_bytes(3 * kMiB), 0);
  SnapshotReceiver receiver;
  const auto sent = sender.take(5, 0);
  EXPECT_EQ(receiver.take(1, sent[1]), 0U);
  EXPECT_EQ(receiver.take(1, sent[0]), kMiB);
  EXPECT_EQ(receiver.take(1, sent[0]), kMiB);
  EXPECT_EQ(receiver.take(1, sent[1]), 2 * kMiB);
}

TEST(SnapshotTransfer, AChangedChunkIsNotTaken) {
  SnapshotSender sender(meta(), random_bytes(3 * kMiB), 0);
  SnapshotReceiver receiver;
  const auto sent = sender.take(5, 0);
  ASSERT_EQ(receiver.take(1, sent[0]), kMiB);
  raft::SnapshotChunk bad = sent[1];
  std::string bytes = *bad.bytes;
  bytes[77] = static_cast<char>(bytes[77] ^ 4);
  bad.bytes = std::make_shared<const std::string>(bytes);
  EXPECT_EQ(receiver.take(1, bad), kMiB);
  EXPECT_EQ(receiver.take(1, sent[1]), 2 * kMiB);
  // The right bytes at the wrong place: the checksum is of all up to there.
  raft::SnapshotChunk moved = sent[0];
  moved.offset = 2 * kMiB;
  EXPECT_EQ(receiver.take(1, moved), 2 * kMiB);
}

TEST(SnapshotTransfer, AReceiverThatStartedAnewGetsAllOfItAgain) {
  const raft::Blob data = random_bytes(4 * kMiB);
  SnapshotSender sender(meta(), data, 0);
  SnapshotReceiver receiver;
  for (const raft::SnapshotChunk& chunk : sender.take(5, 0)) {
    sender.on_ack(receiver.take(1, chunk), 0);
  }
  receiver.drop();
  for (const raft::SnapshotChunk& chunk : sender.take(5, 0)) {
    sender.on_ack(receiver.take(1, chunk), 0);
  }
  pass_all(sender, receiver, 0);
  EXPECT_EQ(*receiver.take_whole()->data, *data);
}

TEST(SnapshotTransfer, WhoHadItAllIsAskedAgainWhenItStillWantsIt) {
  SnapshotSender sender(meta(), random_bytes(2 * kMiB + 5), 0);
  SnapshotReceiver receiver;
  pass_all(sender, receiver, 0);
  sender.ask_again(10);
  EXPECT_TRUE(sender.take(5, 10).empty()) << "it has hardly had the time to write it";
  sender.ask_again(5000);
  const auto last = sender.take(5, 5000);
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].offset, 2 * kMiB);
  SnapshotReceiver anew;
  sender.on_ack(anew.take(1, last[0]), 5000);
  pass_all(sender, anew, 5000);
  EXPECT_TRUE(anew.take_whole().has_value());
}

TEST(SnapshotTransfer, AnotherLeaderTermOrSnapshotBeginsAnew) {
  const auto first_of = [](raft::Term term, raft::Index index, std::size_t size) {
    return SnapshotSender(meta(index), random_bytes(size), 0).take(term, 0);
  };
  SnapshotReceiver receiver;
  ASSERT_EQ(receiver.take(1, first_of(5, 9, 3 * kMiB)[0]), kMiB);
  EXPECT_EQ(receiver.take(2, first_of(5, 9, 3 * kMiB)[1]), 0U);
  ASSERT_EQ(receiver.take(2, first_of(5, 9, 3 * kMiB)[0]), kMiB);
  EXPECT_EQ(receiver.take(2, first_of(6, 9, 3 * kMiB)[1]), 0U);
  ASSERT_EQ(receiver.take(2, first_of(6, 9, 3 * kMiB)[0]), kMiB);
  EXPECT_EQ(receiver.take(2, first_of(6, 10, 3 * kMiB)[1]), 0U);
  ASSERT_EQ(receiver.take(2, first_of(6, 10, 3 * kMiB)[0]), kMiB);
  EXPECT_EQ(receiver.take(2, first_of(6, 10, 4 * kMiB)[1]), 0U);
}

TEST(SnapshotTransfer, AnswersThatCannotBeAreIgnored) {
  SnapshotSender sender(meta(), random_bytes(4 * kMiB + 5), 0);
  ASSERT_EQ(sender.take(5, 0).size(), 2U);
  for (const std::uint64_t offset : {5 * kMiB, kMiB + 1, std::size_t{5}}) {
    sender.on_ack(offset, 0);
    EXPECT_EQ(sender.offset(), 0U) << offset;
  }
}

// --- in a cluster -----------------------------------------------------------------------------

RaftOptions compacting() {
  RaftOptions options;
  options.snapshot_threshold = 10;
  options.snapshot_trailing = 3;
  return options;
}

// A state of some megabytes, and a master without any of it that is about to start.
void fill(Cluster& cluster, MasterId away) {
  cluster.crash(away);
  cluster.wipe(away);
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t id = cluster.propose(cluster.elect(), 200'000);
    ASSERT_TRUE(cluster.run_until(seconds(5), [&] { return cluster.is_done(id); }));
  }
  cluster.chunk_bytes = 0;
}

const Progress& progress_of(const std::vector<Progress>& all, MasterId id) {
  for (const Progress& one : all) {
    if (one.id == id) return one;
  }
  return all.front();
}

TEST(RaftClusterSnapshots, AStateOfManyChunksArrivesAndItsProgressIsTold) {
  Cluster cluster(3, 1, compacting());
  fill(cluster, 3);
  cluster.boot(3);
  const auto progress = [&] {
    return progress_of(cluster.master(cluster.ready_leader()).engine->progress(), 3);
  };
  ASSERT_TRUE(cluster.run_until(seconds(2), [&] { return progress().snapshot_offset > 0; }));
  EXPECT_TRUE(progress().catching_up);
  EXPECT_GT(progress().snapshot_total, 6 * kMiB);
  ASSERT_TRUE(cluster.run_until(seconds(3), [&] { return cluster.converged(); }));
  EXPECT_EQ(cluster.master(3).snapshots_installed, 1);
  cluster.run(seconds(1));
  EXPECT_FALSE(progress().catching_up);
  EXPECT_EQ(progress().snapshot_total, 0U);
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftClusterSnapshots, ALostStreamCostsWhatWasOnItAndNoMore) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Cluster cluster(3, seed, compacting());
    fill(cluster, 3);
    const MasterId leader = cluster.ready_leader();
    cluster.boot(3);
    const auto offset = [&] {
      return progress_of(cluster.master(leader).engine->progress(), 3).snapshot_offset;
    };
    ASSERT_TRUE(cluster.run_until(seconds(2), [&] { return offset() >= 3 * kMiB; }));
    cluster.isolate(3);
    cluster.run(milliseconds(300));
    cluster.heal();
    ASSERT_TRUE(cluster.run_until(seconds(5), [&] { return cluster.converged(); }));
    const std::size_t whole = cluster.master(3).disk.snapshot_data->size();
    EXPECT_LT(cluster.chunk_bytes, whole + 3 * kMiB) << "of " << whole;
    EXPECT_EQ(cluster.master(3).snapshots_installed, 1);
    EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
  }
}

TEST(RaftClusterSnapshots, LossAndReorderingOnlyDelay) {
  Cluster cluster(3, 2, compacting());
  fill(cluster, 3);
  cluster.faults = {.loss_percent = 10, .reorder = true};
  cluster.boot(3);
  EXPECT_TRUE(
      cluster.run_until(seconds(60), [&] { return cluster.master(3).snapshots_installed > 0; }));
  cluster.faults = {};
  ASSERT_TRUE(cluster.run_until(seconds(10), [&] { return cluster.converged(); }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

TEST(RaftClusterSnapshots, ANewLeaderBeginsAnew) {
  Cluster cluster(3, 3, compacting());
  fill(cluster, 3);
  const MasterId leader = cluster.ready_leader();
  cluster.boot(3);
  ASSERT_TRUE(cluster.run_until(seconds(2), [&] {
    return progress_of(cluster.master(leader).engine->progress(), 3).snapshot_offset > 0;
  }));
  ASSERT_TRUE(cluster.transfer(leader, 3 - leader).has_value());
  ASSERT_TRUE(cluster.run_until(seconds(8), [&] { return cluster.converged(); }));
  EXPECT_TRUE(cluster.wrong.empty()) << cluster.wrong.front();
}

// Otherwise it would need another snapshot when it has the first, and so on for ever.
TEST(RaftClusterSnapshots, TheLogBehindASnapshotIsKeptWhileItIsSent) {
  Cluster cluster(3, 4, compacting());
  fill(cluster, 3);
  const MasterId leader = cluster.ready_leader();
  cluster.boot(3);
  const int before = cluster.master(leader).snapshots_put;
  for (int i = 0; i < 300; ++i) {
    cluster.propose(leader, 100);
    cluster.run(milliseconds(1));
  }
  ASSERT_TRUE(cluster.run_until(seconds(5), [&] { return cluster.converged(); }));
  EXPECT_EQ(cluster.master(3).snapshots_installed, 1);
  cluster.run(seconds(1));
  for (int i = 0; i < 100; ++i) {
    cluster.propose(leader, 100'000);
    cluster.run(milliseconds(10));
  }
  EXPECT_GT(cluster.master(leader).snapshots_put, before) << "and no longer";
}

}  // namespace
}  // namespace muster::failover::test
