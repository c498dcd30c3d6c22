#include "alerting/pipeline.h"

#include <gtest/gtest.h>

#include "pipeline_fixture.h"

namespace muster::alerting {
namespace {

struct TwoReceiversTest : PipelineTest {
  TwoReceiversTest() : PipelineTest({"ops", "dev"}) {}
};

TEST_F(PipelineTest, WaitsForTheGroupAndTellsItOnce) {
  active({node_failed("n1")});
  advance(milliseconds(200));
  active({node_failed("n1"), node_failed("n2")});
  const Deliver deliver = next();
  EXPECT_EQ(now, begin + milliseconds(500));
  EXPECT_EQ(told(deliver), (Told{"+n1", "+n2"}));
  EXPECT_EQ(deliver.receiver, "ops");
  EXPECT_EQ(deliver.url, "http://ops/");
  EXPECT_EQ(deliver.headers.at(0).first, "X-Key");
  EXPECT_EQ(deliver.notification.group_key, R"({}:{alertname="NodeFailed"})");
  EXPECT_EQ(deliver.notification.group_labels, (Labels{{"alertname", "NodeFailed"}}));
  EXPECT_TRUE(replicated.empty());
  answer(deliver.id, 200);
  EXPECT_EQ(replicated.size(), 2U);
  EXPECT_EQ(replicated.at(id_of(node_failed("n1"))).notified_at, kWall + milliseconds(500));
  active({node_failed("n1"), node_failed("n2")});
  EXPECT_TRUE(quiet_for(hours(3)));
  EXPECT_EQ(firings, 2);
}

TEST_F(PipelineTest, GroupsAreToldApart) {
  Alert other = node_failed("n1");
  other.labels["alertname"] = "QuorumLost";
  active({node_failed("n1"), other});
  const Deliver first = next();
  const Deliver second = next(Duration{0});
  EXPECT_NE(first.notification.group_key, second.notification.group_key);
}

TEST_F(PipelineTest, AFlapWithinTheWaitIsNeverTold) {
  active({node_failed("n1")});
  advance(milliseconds(400));
  active({});
  EXPECT_TRUE(quiet_for(hours(5)));
  EXPECT_EQ(pipeline->tracked(), 0U);
  EXPECT_EQ(pipeline->deadline(), kNever);
}

TEST_F(PipelineTest, TheEndIsToldOnceAfterTheInterval) {
  active({node_failed("n1")});
  answer(next().id, 204);
  advance(seconds(1));
  active({});
  const Deliver over = next();
  EXPECT_EQ(now, begin + milliseconds(500) + seconds(5));
  EXPECT_EQ(told(over), Told{"-n1"});
  EXPECT_EQ(over.notification.alerts[0].ends_at, kWall + milliseconds(1500));
  EXPECT_EQ(replicated.size(), 1U);
  answer(over.id, 200);
  EXPECT_TRUE(replicated.empty());
  EXPECT_EQ(pipeline->tracked(), 0U);
  EXPECT_TRUE(quiet_for(hours(5)));
}

TEST_F(PipelineTest, ANotificationShowsTheWholeGroup) {
  active({node_failed("n1"), node_failed("n2")});
  answer(next().id, 200);
  active({node_failed("n2"), node_failed("n3")});
  EXPECT_EQ(told(next()), (Told{"+n2", "+n3", "-n1"}));
}

TEST_F(PipelineTest, AnOldNewsComesAfterTheWaitWhenTheGroupWasQuiet) {
  active({node_failed("n1")});
  answer(next().id, 200);
  ASSERT_TRUE(quiet_for(minutes(10)));
  const Instant changed = now;
  active({});
  next();
  EXPECT_EQ(now, changed + milliseconds(500));
}

TEST_F(PipelineTest, FailuresAreRetriedWithBackOffAndOneKey) {
  active({node_failed("n1")});
  Deliver deliver = next();
  const std::string key = deliver.notification.idempotency_key;
  const std::vector<std::pair<int, int>> attempts{{0, 300}, {500, 450}, {429, 675}, {503, 1012}};
  for (const auto& [status, delay_ms] : attempts) {
    const Instant failed = now;
    answer(deliver.id, status);
    deliver = next();
    EXPECT_EQ(std::chrono::floor<milliseconds>(now - failed), milliseconds(delay_ms)) << status;
    EXPECT_EQ(deliver.notification.idempotency_key, key);
    EXPECT_EQ(told(deliver), Told{"+n1"});
  }
  for (int i = 0; i < 100; ++i) {
    answer(deliver.id, 0);
    deliver = next(seconds(30));  // the cap
  }
  answer(deliver.id, 200);
  EXPECT_TRUE(quiet_for(hours(3)));
  EXPECT_EQ(pipeline->stats().at(0).retried, 104U);
  EXPECT_EQ(pipeline->stats().at(0).accepted, 1U);
}

TEST_F(PipelineTest, RetryAfterIsHonouredUpToALimit) {
  active({node_failed("n1")});
  Deliver deliver = next();
  Instant failed = now;
  answer(deliver.id, 429, seconds(77));
  deliver = next();
  EXPECT_EQ(now, failed + seconds(77));
  failed = now;
  answer(deliver.id, 503, hours(1000));
  deliver = next();
  EXPECT_EQ(now, failed + minutes(15));
}

TEST_F(PipelineTest, ARejectionIsFinalUntilTheNextInterval) {
  active({node_failed("n1")});
  const Deliver first = next();
  const Instant sent_at = now;
  answer(first.id, 400);
  EXPECT_TRUE(replicated.empty());
  const Deliver again = next();
  EXPECT_EQ(now, sent_at + seconds(5));
  answer(again.id, 302);
  for (int i = 0; i < 30; ++i) answer(next(seconds(31)).id, 404);
  EXPECT_EQ(pipeline->stats().at(0).rejected, 32U);
  EXPECT_TRUE(quiet_for(seconds(29)));  // it backs off here too
}

TEST_F(PipelineTest, WhatMayHaveBeenToldIsToldToBeOver) {
  active({node_failed("n1")});
  answer(next().id, 0);  // perhaps it was the answer that got lost
  active({});
  const Deliver over = next();
  EXPECT_EQ(told(over), Told{"-n1"});
  answer(over.id, 200);
  EXPECT_TRUE(quiet_for(hours(5)));
  EXPECT_EQ(pipeline->tracked(), 0U);
}

TEST_F(PipelineTest, AnEndDuringTheDeliveryIsToldAfterIt) {
  active({node_failed("n1")});
  const Deliver deliver = next();
  active({});
  EXPECT_TRUE(quiet_for(seconds(20)));  // one at a time
  answer(deliver.id, 200);
  EXPECT_EQ(told(next()), Told{"-n1"});
}

TEST_F(PipelineTest, AReturnDuringTheDeliveryOfItsEndIsToldAsNew) {
  active({node_failed("n1")});
  const Deliver first = next();
  answer(first.id, 200);
  active({});
  const Deliver over = next();
  advance(seconds(1));
  active({node_failed("n1")});  // with the same start as before
  answer(over.id, 200);
  const Deliver back = next();
  EXPECT_EQ(told(back), Told{"+n1"});
  EXPECT_NE(back.notification.idempotency_key, first.notification.idempotency_key);
  answer(back.id, 200);
  EXPECT_EQ(replicated.size(), 1U);
}

TEST_F(PipelineTest, AnAlertKeepsItsFirstStartAndHasItsNewestWords) {
  active({node_failed("n1")});
  Alert later = node_failed("n1");
  later.starts_at += seconds(30);
  later.annotations["summary"] = "newer";
  active({later});
  const Alert told_of = next().notification.alerts.at(0).alert;
  EXPECT_EQ(told_of.starts_at, kWall);
  EXPECT_EQ(told_of.annotations.at("summary"), "newer");
}

TEST_F(PipelineTest, AReturnBeforeItsEndWasToldIsNoNews) {
  active({node_failed("n1")});
  answer(next().id, 200);
  active({});
  advance(seconds(1));
  active({node_failed("n1")});
  EXPECT_TRUE(quiet_for(hours(3)));
}

TEST_F(PipelineTest, WhatStillFiresIsRepeatedWithAKeyOfItsOwn) {
  active({node_failed("n1")});
  const Deliver first = next();
  answer(first.id, 200);
  const Instant accepted = now;
  Deliver reminder = next();
  EXPECT_EQ(now, accepted + hours(4));
  EXPECT_EQ(told(reminder), Told{"+n1"});
  const std::string key = reminder.notification.idempotency_key;
  EXPECT_NE(key, first.notification.idempotency_key);
  answer(reminder.id, 500);
  reminder = next();
  EXPECT_EQ(reminder.notification.idempotency_key, key);
  answer(reminder.id, 200);
  EXPECT_EQ(replicated.at(id_of(node_failed("n1"))).notified_at, wall());
}

TEST_F(PipelineTest, ASilentDriverIsGivenUpOn) {
  active({node_failed("n1")});
  const Deliver lost = next();
  const Instant sent_at = now;
  const Deliver again = next();
  EXPECT_GE(now, sent_at + seconds(30));
  answer(lost.id, 200);  // late: ignored
  EXPECT_TRUE(replicated.empty());
  answer(again.id, 200);
  answer(again.id, 500);  // repeated: ignored
  answer(4711, 200);
  EXPECT_TRUE(quiet_for(hours(3)));
}

TEST_F(PipelineTest, AResolutionThatNobodyTakesIsGivenUp) {
  active({node_failed("n1")});
  answer(next().id, 200);
  active({});
  const Instant resolved = now;
  while (pipeline->tracked() > 0 && now < resolved + hours(10)) answer(next(minutes(1)).id, 500);
  EXPECT_GE(now, resolved + hours(4));
  EXPECT_LT(now, resolved + hours(4) + minutes(1));
  EXPECT_EQ(pipeline->stats().at(0).given_up, 1U);
  EXPECT_TRUE(replicated.empty());
}

TEST_F(PipelineTest, TooManyAlertsAreCountedAndTheOthersTold) {
  options.alerts_max = 3;
  pipeline.emplace(options);
  active({node_failed("n1"), node_failed("n2"), node_failed("n3"), node_failed("n4")});
  EXPECT_EQ(pipeline->tracked(), 3U);
  EXPECT_EQ(pipeline->dropped(), 1U);
  EXPECT_EQ(told(next()).size(), 3U);
}

TEST_F(PipelineTest, ALargeGroupIsToldInPartsWithoutALoss) {
  options.notified_alerts_max = 2;
  pipeline.emplace(options);
  active({node_failed("n1"), node_failed("n2"), node_failed("n3")});
  const Deliver first = next();
  EXPECT_EQ(first.notification.alerts.size(), 2U);
  EXPECT_EQ(first.notification.truncated, 1U);
  answer(first.id, 200);
  const Deliver rest = next();
  answer(rest.id, 200);
  EXPECT_EQ(replicated.size(), 3U);
  EXPECT_TRUE(quiet_for(hours(3)));
}

TEST_F(PipelineTest, ANewCoordinatorAnnouncesNothingAgainAndKnowsWhatIsOver) {
  active({node_failed("n1"), node_failed("n2")});
  answer(next().id, 200);
  pipeline.emplace(options);
  advance(hours(1));
  pipeline->restore(replicated, wall(), now);
  active({node_failed("n1")});
  const Deliver over = next(seconds(1));
  EXPECT_EQ(told(over), (Told{"+n1", "-n2"}));
  answer(over.id, 200);
  EXPECT_EQ(replicated.size(), 1U);
  EXPECT_EQ(told(next()), Told{"+n1"});  // the reminder
}

TEST_F(PipelineTest, ANewCoordinatorKeepsTheScheduleOfReminders) {
  active({node_failed("n1")});
  answer(next().id, 200);
  const Instant accepted = now;
  now += hours(1);
  pipeline.emplace(options);
  pipeline->restore(replicated, wall(), now);
  active({node_failed("n1")});
  next();
  EXPECT_EQ(now, accepted + hours(4));
}

TEST_F(PipelineTest, ANewCoordinatorRepeatsALostAnnouncementUnderTheSameKey) {
  active({node_failed("n1")});
  const Deliver by_the_old = next();  // its answer never came
  pipeline.emplace(options);
  pipeline->restore(replicated, wall(), now);
  active({node_failed("n1")});
  EXPECT_EQ(next().notification.idempotency_key, by_the_old.notification.idempotency_key);
}

TEST_F(PipelineTest, AResetForgetsEverythingButNeverReusesAnId) {
  active({node_failed("n1")});
  const Deliver before = next();
  pipeline->reset();
  EXPECT_EQ(pipeline->deadline(), kNever);
  answer(before.id, 200);
  EXPECT_TRUE(replicated.empty());
  active({node_failed("n1")});
  EXPECT_GT(next().id, before.id);
}

TEST_F(TwoReceiversTest, AReceiverThatIsDownDelaysNoOther) {
  active({node_failed("n1")});
  const Deliver dead = next();
  const Deliver live = next(Duration{0});
  answer(live.id, 200);
  active({});
  const Deliver over = next(seconds(6));
  EXPECT_EQ(over.receiver, live.receiver);
  answer(over.id, 200);
  answer(dead.id, 0);
  const Deliver late = next(seconds(1));
  EXPECT_EQ(late.receiver, dead.receiver);
  EXPECT_EQ(told(late), Told{"-n1"});
  EXPECT_EQ(replicated.size(), 1U);
  answer(late.id, 200);
  EXPECT_TRUE(replicated.empty());
}

TEST_F(TwoReceiversTest, TheNextCoordinatorTellsAgainWhatNotAllHaveAccepted) {
  active({node_failed("n1")});
  const Deliver first = next();
  (void)next(Duration{0});
  answer(first.id, 200);
  ASSERT_EQ(replicated.size(), 1U);
  EXPECT_EQ(replicated.begin()->second.notified_at, WallTime{});
  pipeline.emplace(options);
  pipeline->restore(replicated, wall(), now);
  active({node_failed("n1")});
  const Instant restored = now;
  const Deliver again = next(seconds(1));
  EXPECT_EQ(now, restored + milliseconds(500));  // news, and not an overdue reminder
  EXPECT_EQ(again.notification.idempotency_key, first.notification.idempotency_key);
  const Deliver second = next(Duration{0});
  answer(again.id, 200);
  answer(second.id, 200);
  EXPECT_NE(replicated.begin()->second.notified_at, WallTime{});
}

TEST_F(TwoReceiversTest, DeliveriesTowardsOneReceiverAreBounded) {
  options.deliveries_max = 2;
  options.group_by = {"node"};
  pipeline.emplace(options);
  active({node_failed("n1"), node_failed("n2"), node_failed("n3")});
  advance(seconds(1));
  EXPECT_EQ(sent.size(), 4U);
  EXPECT_GT(pipeline->deadline(), now);  // it waits for an answer and does not spin
  answer(sent.at(0).id, 200);
  EXPECT_LE(pipeline->deadline(), now);
  advance(Duration{0});
  EXPECT_EQ(sent.size(), 5U);
}

TEST_F(PipelineTest, WithoutReceiversNothingIsTracked) {
  options.receivers.clear();
  pipeline.emplace(options);
  active({node_failed("n1")});
  EXPECT_EQ(pipeline->deadline(), kNever);
  active({});
  EXPECT_EQ(pipeline->tracked(), 0U);
}

}  // namespace
}  // namespace muster::alerting
