#include "health/member_history.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace muster::health {
namespace {

using gossip::MemberState;
using namespace std::chrono_literals;
using Kind = MemberEventKind;

struct History : testing::Test {
  MemberHistory history;
  Instant now = Instant(1h);
  std::map<NodeName, Member> table;

  static Member member(const NodeName& name, MemberState state, std::uint64_t incarnation = 1) {
    return {std::make_shared<const gossip::Card>(gossip::Card{name, {"127.0.0.9", 7946}, {}}),
            state,
            incarnation,
            {},
            {}};
  }
  void becomes(const NodeName& name, MemberState state, std::uint64_t incarnation = 1,
               Evidence evidence = {}) {
    MemberChanged change{std::nullopt, member(name, state, incarnation), std::move(evidence)};
    if (const auto known = table.find(name); known != table.end()) change.before = known->second;
    table[name] = change.now;
    history.record(change, now);
  }
  void join(const NodeName& name) { becomes(name, MemberState::Alive); }
  void fail_and_return(const NodeName& name) {
    becomes(name, MemberState::Failed);
    becomes(name, MemberState::Alive);
  }
  void refute(const NodeName& name) {
    becomes(name, MemberState::Suspect);
    becomes(name, MemberState::Alive);
  }
  MemberEvents of(const NodeName& name) const {
    const auto all = history.events();
    const auto found = all->find(name);
    return found == all->end() ? MemberEvents{} : *found->second;
  }
  std::vector<Kind> kinds(const NodeName& name) const {
    std::vector<Kind> kinds;
    for (const MemberEventPtr& event : of(name)) kinds.push_back(event->kind);
    return kinds;
  }
  long flappings(const NodeName& name) const {
    const auto all = kinds(name);
    return std::count(all.begin(), all.end(), Kind::Flapping);
  }
};

TEST_F(History, EveryChangeHasAKindOfItsOwn) {
  join("a");
  becomes("a", MemberState::Suspect);
  becomes("a", MemberState::Alive, 2);
  becomes("a", MemberState::Alive, 3);
  becomes("a", MemberState::Suspect, 3);
  becomes("a", MemberState::Failed, 3);
  becomes("a", MemberState::Alive, 4);
  becomes("a", MemberState::Left, 4);
  becomes("a", MemberState::Alive, 5);
  EXPECT_EQ(kinds("a"), (std::vector{Kind::Joined, Kind::Suspected, Kind::Refuted, Kind::Changed,
                                     Kind::Suspected, Kind::Failed, Kind::Returned, Kind::Left,
                                     Kind::Returned}));
  becomes("b", MemberState::Failed);
  EXPECT_EQ(kinds("b"), std::vector{Kind::Learned});
}

TEST_F(History, AnEventKeepsItsMomentItsIncarnationsAndItsEvidence) {
  join("a");
  now += 5s;
  Evidence evidence;
  evidence.accuser = "b";
  evidence.confirmers = {"c"};
  evidence.probe = FailedProbe{};
  evidence.probe->relays = {"d"};
  evidence.text = "said again by all the rest";
  becomes("a", MemberState::Suspect, 7, evidence);
  const MemberEvent event = *of("a").at(1);
  EXPECT_EQ(event.at, now);
  EXPECT_EQ(event.sequence, 2U);
  EXPECT_EQ(event.before->incarnation, 1U);
  EXPECT_EQ(event.now.incarnation, 7U);
  EXPECT_EQ(event.evidence.accuser, "b");
  EXPECT_EQ(event.evidence.confirmers, std::vector<NodeName>{"c"});
  EXPECT_EQ(event.evidence.probe->relays, std::vector<NodeName>{"d"});
  EXPECT_EQ(event.evidence.text, "");
}

TEST_F(History, OfOneMemberTheNewestEventsAreKept) {
  join("a");
  for (std::uint64_t i = 2; i <= 100; ++i) becomes("a", MemberState::Alive, i);
  const MemberEvents kept = of("a");
  ASSERT_EQ(kept.size(), kMemberEventsMax);
  EXPECT_EQ(kept.back()->now.incarnation, 100U);
  EXPECT_EQ(kept.front()->now.incarnation, 100U - kMemberEventsMax + 1);
}

TEST_F(History, WhenThereAreTooManyTheOldestOfTheChattiestMemberGoes) {
  join("chatty");
  for (std::uint64_t i = 2; i <= 5; ++i) becomes("chatty", MemberState::Alive, i);
  const std::size_t quiet = kHistoryEventsMax - 5;
  for (std::size_t i = 0; i < quiet; ++i) join("m" + std::to_string(i));
  EXPECT_EQ(history.size(), kHistoryEventsMax);
  EXPECT_EQ(of("chatty").size(), 5U);
  for (std::size_t i = 0; i < 4; ++i) join("late" + std::to_string(i));
  EXPECT_EQ(history.size(), kHistoryEventsMax);
  ASSERT_EQ(of("chatty").size(), 1U);
  EXPECT_EQ(of("chatty")[0]->now.incarnation, 5U);
  EXPECT_EQ(of("m0").size(), 1U);
}

TEST_F(History, OfEquallyChattyMembersTheOldestIsForgotten) {
  for (std::size_t i = 0; i < kHistoryEventsMax; ++i) join("m" + std::to_string(i));
  join("late");
  EXPECT_EQ(history.size(), kHistoryEventsMax);
  EXPECT_EQ(of("m0").size(), 0U);
  EXPECT_EQ(of("m1").size(), 1U);
  EXPECT_EQ(of("late").size(), 1U);
}

TEST_F(History, WhatWasGivenAwayDoesNotChangeAnyMore) {
  join("a");
  const auto earlier = history.events();
  EXPECT_EQ(history.events(), earlier);
  becomes("a", MemberState::Failed);
  EXPECT_EQ(earlier->at("a")->size(), 1U);
  EXPECT_EQ(of("a").size(), 2U);
}

TEST_F(History, ThreeFailuresOrRefutationsWithinTenMinutesAreFlapping) {
  join("a");
  fail_and_return("a");
  now += 5min;
  refute("a");
  now += 5min;
  EXPECT_EQ(flappings("a"), 0);
  becomes("a", MemberState::Failed);
  ASSERT_EQ(flappings("a"), 1);
  EXPECT_EQ(of("a").back()->kind, Kind::Flapping);
  EXPECT_EQ(of("a").back()->flaps_since, now - 10min);
  EXPECT_EQ(history.flaps(), 1U);
}

TEST_F(History, ThreeFailuresThatAreFurtherApartAreNotFlapping) {
  join("a");
  for (int i = 0; i < 10; ++i) {
    fail_and_return("a");
    now += 5min + 1ms;
  }
  EXPECT_EQ(flappings("a"), 0);
}

TEST_F(History, ALeaveOrAnUnansweredSuspicionIsNoFlap) {
  join("a");
  for (int i = 0; i < 5; ++i) {
    becomes("a", MemberState::Left);
    becomes("a", MemberState::Alive);
  }
  EXPECT_EQ(flappings("a"), 0);
}

TEST_F(History, AnEpisodeOfFlappingIsSaidOnceUntilTenMinutesHavePassedWithoutAnother) {
  join("a");
  for (int i = 0; i < 6; ++i) {
    refute("a");
    now += 1min;
  }
  now += 8min;
  refute("a");
  EXPECT_EQ(flappings("a"), 1);
  now += 10min + 1ms;
  for (int i = 0; i < 3; ++i) refute("a");
  EXPECT_EQ(flappings("a"), 2);
  EXPECT_EQ(history.flaps(), 2U);
}

}  // namespace
}  // namespace muster::health
