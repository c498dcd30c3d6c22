#include "tests/driver/failover/golden_log.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/driver/failover/golden_examples.h"

namespace muster::golden {
namespace {

const std::vector<Line>& lines() {
  static const std::vector<Line> kLines = read(GOLDEN_LOG);
  return kLines;
}

TEST(GoldenLog, ReplaysToTheSameStatesForEver) {
  ASSERT_GT(lines().size(), 100U) << GOLDEN_LOG;
  Replay replay;
  for (const Line& line : lines()) {
    if (line.kind == "state") continue;
    const Status applied = replay.apply(line.bytes, line.times);
    ASSERT_TRUE(applied) << "line " << line.number << ": " << applied.error().text;
    ASSERT_EQ(replay.hash(), line.hash) << "line " << line.number << ", " << line.kind;
  }
}

TEST(GoldenLog, ItsStatesAreReadAndWrittenAsTheyWere) {
  Replay replay;
  int states = 0;
  for (const Line& line : lines()) {
    if (line.kind != "state") {
      ASSERT_TRUE(replay.apply(line.bytes, line.times));
      continue;
    }
    ++states;
    const Result<ClusterState> state = replay.codec().decode_state(line.bytes);
    ASSERT_TRUE(state) << "line " << line.number << ": " << state.error().text;
    EXPECT_EQ(*state, replay.state()) << "line " << line.number;
    EXPECT_EQ(replay.codec().encode_state(*state), line.bytes) << "line " << line.number;
  }
  EXPECT_GE(states, 2);
}

// A master that goes on from a snapshot in the middle is where one is that replayed everything.
TEST(GoldenLog, GoesOnFromASnapshotAnywhere) {
  const Codec codec = protobuf_codec();
  ClusterState straight, restored;
  std::uint64_t index = 0;
  for (const Line& line : lines()) {
    if (line.kind == "state") continue;
    const Result<Command> command = codec.decode_command(line.bytes);
    ASSERT_TRUE(command);
    for (std::uint64_t i = 0; i < line.times; ++i) {
      const Result<Outcome> one = failover::apply(straight, ++index, *command);
      const Result<Outcome> other = failover::apply(restored, index, *command);
      ASSERT_EQ(one, other) << "line " << line.number;
    }
    Result<ClusterState> again = codec.decode_state(codec.encode_state(restored));
    ASSERT_TRUE(again);
    restored = std::move(*again);
    ASSERT_EQ(restored, straight) << "line " << line.number;
  }
}

TEST(GoldenLog, HasEveryKindOfCommandAndWritesItAsItDid) {
  const Codec codec = protobuf_codec();
  std::set<std::string> kinds;
  std::set<std::uint32_t> versions;
  for (const Line& line : lines()) {
    if (line.kind == "state") continue;
    const Result<Command> command = codec.decode_command(line.bytes);
    ASSERT_TRUE(command);
    EXPECT_EQ(line.kind, kKinds[command->body.index()]) << "line " << line.number;
    EXPECT_EQ(codec.encode_command(*command), line.bytes) << "line " << line.number;
    kinds.insert(line.kind);
    versions.insert(command->version);
  }
  for (const char* kind : kKinds) {
    EXPECT_TRUE(kinds.contains(kind)) << kind << " is not in the golden log: golden_log.h says how";
  }
  for (std::uint32_t version = 1; version <= kStateVersion; ++version) {
    EXPECT_TRUE(versions.contains(version)) << "version " << version;
  }
}

TEST(GoldenLog, HasAllExamples) {
  std::vector<Command> logged;
  for (const Line& line : lines()) {
    if (line.kind == "state") continue;
    Result<Command> command = protobuf_codec().decode_command(line.bytes);
    ASSERT_TRUE(command);
    if (command->version > 1) logged.push_back(std::move(*command));
  }
  EXPECT_EQ(logged, Examples().all()) << "run golden_log_append: golden_log.h says how";
}

}  // namespace
}  // namespace muster::golden
