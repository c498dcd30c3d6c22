#include "failover/found_anew.h"

#include "failover/raft_engine.h"
#include "tests/unit/failover/state_fixture.h"

namespace muster::failover {
namespace {

const Founder kFounder{
    "m9", master_id("m9", "boot"), {"10.0.0.9", 7947}, WallTime(std::chrono::hours(1)), "a test"};

struct FoundAnewTest : StateTest {
  void SetUp() override {
    node("n1");
    ASSERT_TRUE(put(PutWorkload{spec("web", 2)}));
    step();
    report(1, Phase::Ready);
    report(2, Phase::Stopped);
    ASSERT_TRUE(put(SetMaster{"m1", {"10.0.0.1", 7947}}));
    ASSERT_TRUE(put(GrantLease{"job", "n1", 60'000}));
  }
};

TEST_F(FoundAnewTest, NumbersGoOnWellAheadOfWhatMayHaveBeenGivenOut) {
  const ClusterState begun = found_anew(state, kFounder);
  EXPECT_EQ(begun.next_token, state.next_token + kTokensAhead);
  EXPECT_EQ(begun.next_instance, state.next_instance + kInstancesAhead);
  EXPECT_EQ(begun.index, state.index + kIndexesAhead);
  EXPECT_GT(begun.next_event, state.next_event);
  EXPECT_LT(begun.next_token, std::uint64_t{1} << 53);
}

TEST_F(FoundAnewTest, TheFounderIsTheOnlyMaster) {
  const ClusterState begun = found_anew(state, kFounder);
  ASSERT_EQ(begun.masters.size(), 1U);
  EXPECT_EQ(begun.masters.at("m9").rpc, (Address{"10.0.0.9", 7947}));
  EXPECT_EQ(begun.masters.at("m9").id, kFounder.id);
  EXPECT_EQ(begun.coordinator, "");
}

TEST_F(FoundAnewTest, WhatMayRunStaysPlacedAndHasToSayHowItIs) {
  const ClusterState begun = found_anew(state, kFounder);
  ASSERT_EQ(begun.placements.size(), 2U);
  EXPECT_EQ(begun.placements.at(1).status.phase, Phase::Pending);
  EXPECT_EQ(begun.placements.at(1).node, "n1");
  EXPECT_NE(begun.placements.at(1).status.why.find("a test"), std::string::npos);
  EXPECT_EQ(begun.placements.at(2).status.phase, Phase::Stopped);
  EXPECT_EQ(begun.events.back().kind, "founded-anew");
}

TEST_F(FoundAnewTest, LeasesAreOverAndTokensToJoinAreVoid) {
  TokenRecord token;
  token.id = "t1";
  token.kind = TokenKind::Join;
  state.tokens["t1"] = token;
  token.id = "t2";
  token.kind = TokenKind::Api;
  state.tokens["t2"] = token;
  const ClusterState begun = found_anew(state, kFounder);
  EXPECT_EQ(state.leases.size(), 1U);
  EXPECT_TRUE(begun.leases.empty());
  EXPECT_FALSE(begun.tokens.contains("t1"));
  EXPECT_TRUE(begun.tokens.contains("t2"));
}

TEST_F(FoundAnewTest, CommandsOfTheNewBeginningFit) {
  state = found_anew(state, kFounder);
  index = state.index;
  ASSERT_TRUE(put(GrantLease{"job", "n2", 60'000}));
  EXPECT_GT(state.leases.at("job").token, kTokensAhead);
  report(1, Phase::Running);
  EXPECT_EQ(state.placements.at(1).status.phase, Phase::Running);
}

// The engine takes such a beginning for what it is: a log of one voter.
TEST_F(FoundAnewTest, TheFounderLeadsAtOnceWithTheStateThatItWasGiven) {
  const ClusterState begun = found_anew(state, kFounder);
  raft::Stored stored;
  stored.term = 1007;
  stored.voted_for = kFounder.id;
  stored.snapshot = {begun.index, 1007, begun.index, {{kFounder.id, "10.0.0.9:7947", true}}};
  stored.snapshot_data = std::make_shared<const std::string>("the state");
  stored.first = begun.index + 1;
  RaftEngine engine(RaftOptions{}, kFounder.id, "10.0.0.9:7947", {}, stored, 1, Instant{});
  engine.start(Instant{}, false);
  std::uint64_t ticket = 0;
  bool restored = false;
  for (int turn = 0; turn < 5; ++turn) {
    for (const RaftEffect& effect : engine.take_effects()) {
      if (const auto* vote = std::get_if<SaveVote>(&effect)) ticket = vote->ticket;
      if (const auto* log = std::get_if<AppendLog>(&effect)) ticket = log->ticket;
      restored = restored || std::holds_alternative<Restore>(effect);
    }
    engine.on_durable(ticket, Instant{});
  }
  EXPECT_TRUE(restored);
  EXPECT_TRUE(engine.ready());
  EXPECT_EQ(engine.term(), 1008U);
}

}  // namespace
}  // namespace muster::failover
