// What must not come in.
#include <algorithm>
#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "tests/unit/failover/raft_lone.h"

namespace muster::failover::test {
namespace {

TEST(RaftHostile, NonsenseIsDroppedWithoutATrace) {
  const raft::Entry null{2, raft::EntryType::Command, nullptr};
  const raft::Entry odd{2, static_cast<raft::EntryType>(9), blob("x")};
  const raft::Entry cut{2, raft::EntryType::Change, blob(change(2, 3).data->substr(0, 20))};
  const raft::Entry many{2, raft::EntryType::Change, blob("\x01\xff\xff\xff\xff\xff\xff\xff\xff")};
  const raft::Entry nobody{2, raft::EntryType::Change,
                           blob(std::string("\x01", 1) + std::string(15, '\0'))};
  raft::SnapshotChunk no_masters = install(2, 9);
  no_masters.meta.configuration.clear();
  raft::SnapshotChunk no_data = install(2, 9);
  no_data.bytes = nullptr;
  raft::SnapshotChunk no_index = install(2, 0);
  raft::SnapshotChunk newer = install(2, 9);
  newer.meta.term = 3;
  raft::SnapshotChunk huge = install(2, 9);
  huge.total = kSnapshotBytesMax + 1;
  raft::SnapshotChunk beyond = install(2, 9);
  beyond.offset = 1;
  raft::SnapshotChunk far = install(2, 9);
  far.offset = kHuge;
  raft::SnapshotChunk nothing = install(2, 9);
  nothing.bytes = blob("");
  raft::SnapshotChunk fat = install(2, 9);
  fat.bytes = blob(std::string(kSnapshotChunkBytes + 1, 'x'));
  fat.total = 2 * kSnapshotChunkBytes;
  const std::vector<raft::Message> messages = {
      raft::RequestVote{kHuge, 2, 1, 1, true, false},
      raft::RequestVote{2, 3, 1, 1, false, false},  // for somebody else
      raft::RequestVote{0, 2, 1, 1, false, false},
      raft::RequestVote{2, 2, kHuge, 1, false, false},
      raft::AppendEntries{kHuge, 1, 1, 1, {}},
      raft::AppendEntries{2, kHuge, 1, 1, {}},
      raft::AppendEntries{2, 1, 1, kHuge, {}},
      raft::AppendEntries{2, 1, 0, 1, {}},
      raft::AppendEntries{2, 0, 1, 1, {}},
      raft::AppendEntries{2, 1, 1, 1, {command(0)}},
      raft::AppendEntries{2, 1, 1, 1, {command(3)}},
      raft::AppendEntries{2, 1, 1, 1, {command(2), command(1)}},
      raft::AppendEntries{2, 1, 1, 1, {null}},
      raft::AppendEntries{2, 1, 1, 1, {odd}},
      raft::AppendEntries{2, 1, 1, 1, {cut}},
      raft::AppendEntries{2, 1, 1, 1, {many}},
      raft::AppendEntries{2, 1, 1, 1, {nobody}},
      raft::AppendEntriesResult{2, kHuge, 1, 1, 1},
      raft::AppendEntriesResult{kHuge, 0, 1, 1, 1},
      no_masters,
      no_data,
      no_index,
      newer,
      huge,
      beyond,
      far,
      nothing,
      fat,
      raft::SnapshotAck{1, 1, kHuge},
      raft::SnapshotAck{kHuge, 1, 1},
      raft::TimeoutNow{kHuge, 1, 1},
      raft::ReadProbe{kHuge, 1},
      raft::ReadProbe{0, 1},
      raft::ReadEcho{1, kHuge},
  };
  Lone lone;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_TRUE(lone.tell(2, messages[i]).empty()) << i;
  }
  EXPECT_EQ(lone.engine.term(), 1U);
}

TEST(RaftHostile, StrangersAndImpostorsAreNotHeard) {
  Lone lone;
  const raft::AppendEntries good{2, 1, 1, 1, {command(2)}};
  EXPECT_TRUE(lone.tell(77, raft::AppendEntriesResult{9, 0, 1, 1, 1}).empty());
  EXPECT_TRUE(lone.tell(77, raft::TimeoutNow{9, 1, 1}).empty());
  EXPECT_TRUE(lone.tell(1, good).empty()) << "from itself";
  EXPECT_FALSE(lone.tell(2, good).empty());
  lone.sync();
  EXPECT_EQ(lone.engine.leader(), 2U);
  // A term has one leader.
  EXPECT_TRUE(lone.tell(3, raft::AppendEntries{2, 1, 1, 1, {command(2, "y")}}).empty());
  EXPECT_TRUE(lone.tell(3, install(2, 20)).empty());
  EXPECT_EQ(lone.engine.leader(), 2U);
}

TEST(RaftHostile, ALeaderIgnoresASecondOneInItsTerm) {
  Lone lone;
  lone.lead();
  const raft::Term term = lone.engine.term();
  EXPECT_TRUE(lone.tell(3, raft::AppendEntries{term, 1, 1, 1, {command(term)}}).empty());
  EXPECT_TRUE(lone.tell(3, install(term, 20)).empty());
  lone.tell(3, raft::AppendEntriesResult{term, 0, 1000, 1, 1});  // has what was never written
  lone.tell(3, raft::AppendEntriesResult{term, 1000, 2000, 1, 1});
  lone.tell(3, raft::TimeoutNow{term, 1, 1});
  lone.sync();
  EXPECT_EQ(lone.engine.role(), raft::Role::Leader);
}

TEST(RaftHostile, ASnapshotThatWouldUndoWhatIsCommittedIsDropped) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 4, {command(2), command(2), command(2)}});
  lone.sync();
  ASSERT_EQ(lone.engine.applied_index(), 4U);
  EXPECT_TRUE(lone.tell(2, install(3, 3)).empty());
  EXPECT_EQ(lone.engine.last_index(), 4U);
}

TEST(RaftHostile, ALeaderThatContradictsWhatIsCommittedStopsTheEngine) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 3, {command(2), command(2)}});
  lone.sync();
  lone.tell(3, raft::AppendEntries{3, 1, 1, 3, {command(3)}});
  ASSERT_EQ(lone.all<EngineFailed>().size(), 1U);
  EXPECT_NE(lone.all<EngineFailed>()[0].text.find("committed"), std::string::npos);
  EXPECT_TRUE(lone.tell(3, raft::AppendEntries{3, 1, 1, 3, {}}).empty()) << "for good";
}

TEST(RaftHostile, RandomMessagesNeverBreakTheEngine) {
  Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    Lone lone(options(3, 1));
    if (rng.chance(50)) lone.lead();
    const auto number = [&rng] { return rng.chance(5) ? rng.next() : rng.below(std::uint64_t{8}); };
    for (int i = 0; i < 60; ++i) {
      std::vector<raft::Entry> entries;
      const std::uint64_t count = rng.below(std::uint64_t{5});
      const raft::Term term = 1 + rng.below(std::uint64_t{4});
      for (std::uint64_t k = 0; k < count; ++k) {
        entries.push_back(rng.chance(20) ? change(term, 3 + rng.below(std::uint64_t{2}))
                                         : command(term));
      }
      const MasterId from = 1 + rng.below(std::uint64_t{4});
      raft::SnapshotChunk snapshot = install(1 + rng.below(std::uint64_t{6}), number());
      snapshot.meta.term = number();
      if (rng.chance(30)) snapshot.total = number();
      if (rng.chance(30)) snapshot.offset = number();
      if (rng.chance(30)) snapshot.checksum = number();
      const std::vector<raft::Message> messages = {
          raft::RequestVote{number(), from, number(), number(), rng.chance(50), rng.chance(50)},
          raft::RequestVoteResult{number(), rng.chance(50), rng.chance(50), 1, 1},
          raft::AppendEntries{number(), number(), number(), number(), entries},
          raft::AppendEntries{number(), number(), 1 + number() % 3, number(), entries},
          raft::AppendEntriesResult{number(), number(), number(), 1, 1},
          snapshot,
          raft::SnapshotAck{number(), number(), number()},
          raft::TimeoutNow{number(), number(), number()},
          raft::ReadProbe{number(), number()},
          raft::ReadEcho{number(), number()}};
      if (rng.chance(10)) lone.engine.read(1 + number(), lone.now);
      lone.tell(from, messages[rng.below(messages.size())]);
      if (rng.chance(60)) lone.sync();
      if (rng.chance(20)) lone.pass(milliseconds(300));
      for (const auto& want : lone.all<WantSnapshot>()) {
        lone.engine.provide_snapshot(want.index, blob("state"), lone.now);
      }
    }
  }
}

}  // namespace
}  // namespace muster::failover::test
