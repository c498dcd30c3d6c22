#include "agent/api_why.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/routes.h"

namespace muster::agent {
namespace {

using gossip::MemberState;
using health::MemberEvent;
using health::MemberEventKind;
using nlohmann::json;
using namespace std::chrono_literals;

// The clock shows 12:00:00 at the agent's second 100.
const Instant kNoon = Instant(100s);
const WallAnchor kClock{kNoon,
                        WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 31)) + 12h};

health::Member member(MemberState state, std::uint64_t incarnation) {
  gossip::Card card{"n3", {"127.0.0.3", 7946}, {}};
  card.meta.version = "1.2";
  card.meta.zone = "a";
  return {std::make_shared<const gossip::Card>(card), state, incarnation, kNoon, kNoon};
}

MemberEvent event(MemberEventKind kind, MemberState before, MemberState now,
                  std::uint64_t incarnation = 4) {
  MemberEvent event;
  event.sequence = 1;
  event.at = kNoon + 2s;
  event.kind = kind;
  event.before = member(before, 4);
  event.now = member(now, incarnation);
  event.evidence.last_heard = kNoon + 500ms;
  event.evidence.suspected_at = event.at;
  return event;
}

MemberEvent failure() {
  MemberEvent failed = event(MemberEventKind::Failed, MemberState::Suspect, MemberState::Failed);
  failed.evidence.accuser = "n2";
  failed.evidence.confirmers = {"n1", "n4"};
  failed.evidence.suspected_at = kNoon + 1400ms;
  failed.evidence.probe = health::FailedProbe{};
  failed.evidence.probe->sent = kNoon + 900ms;
  failed.evidence.probe->relays_asked = kNoon + 1s;
  failed.evidence.probe->relays = {"n4", "n5"};
  failed.evidence.probe->nacks = {"n5"};
  failed.evidence.probe->stream_tried = failed.evidence.probe->stream_refused = true;
  return failed;
}

using Lines = std::vector<std::string>;

TEST(WhyText, AFailureNamesAccuserConfirmersAndWhatWasSentAndWhatCameBack) {
  EXPECT_EQ(explain(failure(), kClock),
            (Lines{"accused by n2 at 12:00:01.400, confirmed by n1 and n4, not refuted in 0.60 s; "
                   "incarnation 4",
                   "last heard from it at 12:00:00.500, 1.50 s before",
                   "own ping sent at 12:00:00.900: no answer; n4 and n5 asked to ping it at "
                   "12:00:01.000: no answer to n5, n4 silent; ping over TCP: refused"}));
}

TEST(WhyText, AProbeIsToldAsFarAsItCame) {
  MemberEvent suspected =
      event(MemberEventKind::Suspected, MemberState::Alive, MemberState::Suspect);
  suspected.evidence.accuser = "n1";
  EXPECT_EQ(explain(suspected, kClock)[0], "accused by n1; incarnation 4");
  EXPECT_EQ(explain(suspected, kClock)[2], "no unanswered ping of this agent's own");
  suspected.evidence.probe = health::FailedProbe{};
  suspected.evidence.probe->sent = kNoon;
  suspected.evidence.probe->hinted = true;
  EXPECT_EQ(explain(suspected, kClock)[2],
            "own ping sent at 12:00:00.000 after a sign of trouble: no answer");
  suspected.evidence.probe->stream_tried = true;
  suspected.evidence.probe->relays = {"n2"};
  suspected.evidence.probe->relays_asked = kNoon + 50ms;
  EXPECT_EQ(explain(suspected, kClock)[2],
            "own ping sent at 12:00:00.000 after a sign of trouble: no answer; n2 asked to ping it "
            "at 12:00:00.050: n2 silent; ping over TCP: no answer");
}

TEST(WhyText, AFailureThatWasOnlyHeardOfSaysSo) {
  MemberEvent failed = event(MemberEventKind::Failed, MemberState::Alive, MemberState::Failed);
  failed.evidence.accuser = "n2";
  EXPECT_EQ(explain(failed, kClock)[0],
            "declared failed by n2, not suspected here before; incarnation 4");
}

TEST(WhyText, ARefutationTellsBothIncarnationsAndWhoWasWrong) {
  MemberEvent refuted =
      event(MemberEventKind::Refuted, MemberState::Suspect, MemberState::Alive, 5);
  refuted.evidence.accuser = "n2";
  refuted.evidence.suspected_at = kNoon + 1750ms;
  EXPECT_EQ(explain(refuted, kClock),
            (Lines{"said that it is alive, 0.25 s after the suspicion",
                   "accused by n2 at 12:00:01.750; incarnation 5, 4 before"}));
}

TEST(WhyText, TheOtherKindsTakeOneLine) {
  const auto line = [](const MemberEvent& event) {
    const Lines lines = explain(event, kClock);
    EXPECT_EQ(lines.size(), 1U);
    return lines.at(0);
  };
  using Kind = MemberEventKind;
  MemberEvent joined = event(Kind::Joined, MemberState::Alive, MemberState::Alive);
  joined.before.reset();
  EXPECT_EQ(line(joined), "at 127.0.0.3:7946, version 1.2, incarnation 4");
  joined.kind = Kind::Learned;
  joined.now.state = MemberState::Failed;
  EXPECT_EQ(line(joined), "was failed already when this agent joined; incarnation 4");
  EXPECT_EQ(line(event(Kind::Left, MemberState::Alive, MemberState::Left)),
            "said that it leaves; incarnation 4");
  EXPECT_EQ(line(event(Kind::Returned, MemberState::Failed, MemberState::Alive, 9)),
            "is back after it had failed; incarnation 9, 4 before");
  EXPECT_EQ(line(event(Kind::Returned, MemberState::Left, MemberState::Alive, 9)),
            "is back after it had left; incarnation 9, 4 before");
  MemberEvent flapping = event(Kind::Flapping, MemberState::Suspect, MemberState::Alive);
  flapping.flaps_since = kNoon - 61s;
  EXPECT_EQ(line(flapping),
            "failed or had to refute a suspicion 3 times since 11:58:59.000: look at its load, its "
            "network and its clock");
}

TEST(WhyText, AChangeNamesWhatChangedAndNothingElse) {
  MemberEvent changed = event(MemberEventKind::Changed, MemberState::Alive, MemberState::Alive, 5);
  gossip::Card card = *changed.now.card;
  card.meta.zone = "b\n";
  card.meta.version = "1.3";
  card.meta.labels = 7;
  changed.now.card = std::make_shared<const gossip::Card>(card);
  EXPECT_EQ(explain(changed, kClock)[0],
            "changed zone from \"a\" to \"b\\x0a\", version from \"1.2\" to \"1.3\", its labels; "
            "incarnation 5, 4 before");
}

struct Why : testing::Test {
  View view;

  void SetUp() override {
    view.self.name = "n1";
    view.clock = kClock;
    MemberViews members;
    members["n3"] = {"n3", MemberState::Failed, 4, {"127.0.0.3", 7946}, {}, kNoon + 2s, "n2"};
    view.members = std::make_shared<const MemberViews>(members);
    view.history = history("n3");
  }
  static std::shared_ptr<const health::MemberEventsByName> history(const NodeName& name) {
    const health::MemberEvents events{std::make_shared<const MemberEvent>(failure())};
    return std::make_shared<const health::MemberEventsByName>(
        health::MemberEventsByName{{name, std::make_shared<const health::MemberEvents>(events)}});
  }
  json get(std::string_view name) const {
    const auto answer = answer_read(view, "/v1/why/node/" + std::string(name), "");
    EXPECT_TRUE(answer);
    return answer ? json::parse(answer->body) : json();
  }
};

TEST_F(Why, TheStateOfTodayAndTheEventsAreToldWithTheirTimes) {
  const json why = get("n3");
  EXPECT_EQ(why["agent"], "n1");
  EXPECT_EQ(why["state"], "failed");
  EXPECT_EQ(why["since"], "2026-01-31T12:00:02.000Z");
  EXPECT_EQ(why["incarnation"], 4);
  EXPECT_EQ(why["accuser"], "n2");
  EXPECT_EQ(why["cluster_events"], nullptr);
  ASSERT_EQ(why["events"].size(), 1U);
  const json& event = why["events"][0];
  EXPECT_EQ(event["at"], "2026-01-31T12:00:02.000Z");
  EXPECT_EQ(event["kind"], "failed");
  EXPECT_EQ(event["incarnation_before"], 4);
  EXPECT_EQ(event["confirmers"], json({"n1", "n4"}));
  EXPECT_EQ(event["last_heard"], "2026-01-31T12:00:00.500Z");
  EXPECT_EQ(event["probe"]["sent"], "2026-01-31T12:00:00.900Z");
  EXPECT_EQ(event["probe"]["nacks"], json({"n5"}));
  EXPECT_EQ(event["probe"]["stream"], "refused");
  EXPECT_EQ(event["text"].size(), 3U);
}

TEST_F(Why, AMemberThatWasForgottenStillHasItsHistory) {
  view.members = std::make_shared<const MemberViews>();
  const json why = get("n3");
  EXPECT_EQ(why["state"], nullptr);
  EXPECT_EQ(why["events"].size(), 1U);
}

TEST_F(Why, AMasterAddsTheClustersOwnEventsAboutTheNode) {
  ClusterState state;
  state.events.push_back({7, WallTime(1s), "node-failed", "node/n3", "n3 failed"});
  state.events.push_back({8, WallTime(1s), "node-failed", "node/n33", "n33 failed"});
  MasterView master;
  master.state = std::make_shared<const ClusterState>(state);
  view.master = std::make_shared<const MasterView>(master);
  const json why = get("n3");
  ASSERT_EQ(why["cluster_events"].size(), 1U);
  EXPECT_EQ(why["cluster_events"][0]["sequence"], 7);
  EXPECT_EQ(why["cluster_events"][0]["text"], "n3 failed");
}

TEST_F(Why, ANodeThatNobodyHasSeenIsNotFoundAndTheAnswerSaysWhatToDo) {
  const auto answer = answer_read(view, "/v1/why/node/n\"9", "");
  EXPECT_EQ(answer->status, 404);
  const std::string detail = json::parse(answer->body)["detail"];
  EXPECT_NE(detail.find("n\\\"9"), std::string::npos) << detail;
  EXPECT_NE(detail.find("muster members"), std::string::npos) << detail;
  EXPECT_EQ(answer_read(view, "/v1/why/node/", "")->status, 404);
  EXPECT_EQ(answer_read(view, "/v1/why/node/a/b", "")->status, 404);
  EXPECT_EQ(allowed_methods("/v1/why/node/n3"), "GET, HEAD");
  EXPECT_EQ(allowed_methods("/v1/why/node/a/b"), "");
}

}  // namespace
}  // namespace muster::agent
