#include "agent/questions.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using std::chrono::seconds;

const Instant kStart{std::chrono::hours(1)};
const Instant kLater = kStart + Questions::kPatience;

rpc::Write write_of(std::uint64_t id, const std::string& request_id) {
  return {id, Command{DeleteSilence{"one"}, {}, request_id}};
}
rpc::ChangeMasters change_of(std::uint64_t id, rpc::MasterChange change) {
  return {id, change, "n3", ""};
}
rpc::WriteReply refusal(std::uint64_t id, Code code) {
  rpc::WriteReply reply{};
  reply.id = id;
  reply.error = {code, "because"};
  return reply;
}
rpc::WriteReply done(std::uint64_t id) {
  rpc::WriteReply reply{};
  reply.id = id;
  reply.ok = true;
  return reply;
}

Code code_of(const std::optional<Effect>& effect) {
  return std::get<WriteDone>(effect.value()).result.error().code;
}
bool is_done(const std::optional<Effect>& effect) {
  return std::get<WriteDone>(effect.value()).result.has_value();
}

TEST(Questions, WhatWasAskedIsAnsweredOnce) {
  Questions questions;
  questions.sent(1, 11, write_of(1, "a"), kLater);
  const auto heard = questions.answer(done(1));
  EXPECT_EQ(std::get<WriteDone>(heard.value()).request, 11U);
  EXPECT_TRUE(is_done(heard));
  EXPECT_FALSE(questions.answer(done(1)));
  EXPECT_EQ(questions.deadline(), kNever);
}

TEST(Questions, AChangeWithARequestIdIsAskedOfTheNextCoordinator) {
  Questions questions;
  questions.sent(1, 11, write_of(1, "a"), kLater);
  EXPECT_TRUE(questions.coordinator_lost("gone").empty());
  EXPECT_EQ(questions.coordinator_found(), std::vector<rpc::Frame>{write_of(1, "a")});
  EXPECT_TRUE(questions.coordinator_found().empty());  // it is asked just now
  EXPECT_TRUE(is_done(questions.answer(done(1))));
}

TEST(Questions, OfAChangeWithoutARequestIdNobodyKnows) {
  Questions questions;
  questions.sent(1, 11, write_of(1, ""), kLater);
  const auto heard = questions.coordinator_lost("gone");
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(code_of(heard[0]), Code::Unknown);
  EXPECT_TRUE(questions.coordinator_found().empty());
}

TEST(Questions, AReadEndsWithItsCoordinator) {
  Questions questions;
  questions.sent(1, 11, rpc::Read{1, "/v1/nodes", ""}, kLater);
  const auto heard = questions.coordinator_lost("gone");
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(std::get<ReadDone>(heard[0]).status, 503);
}

TEST(Questions, ACoordinatorThatDoesNotKnowAnyMoreIsLikeOneThatIsLost) {
  Questions questions;
  questions.sent(1, 11, write_of(1, "a"), kLater);
  EXPECT_FALSE(questions.answer(refusal(1, Code::Unknown)));
  EXPECT_TRUE(questions.coordinator_lost("gone").empty());
  EXPECT_EQ(questions.coordinator_found().size(), 1U);
  EXPECT_EQ(code_of(questions.answer(refusal(1, Code::Conflict))), Code::Conflict);
}

TEST(Questions, AMasterThatIsGoneAtTheSecondTimeWasRemovedAtTheFirst) {
  for (const auto& [change, code] : {std::pair(rpc::MasterChange::Remove, Code::NotFound),
                                     std::pair(rpc::MasterChange::Add, Code::Conflict)}) {
    Questions questions;
    questions.sent(1, 11, change_of(1, change), kLater);
    questions.sent(2, 12, change_of(2, change), kLater);
    EXPECT_EQ(code_of(questions.answer(refusal(2, code))), code);  // at the first it is told
    EXPECT_TRUE(questions.coordinator_lost("gone").empty());
    EXPECT_EQ(questions.coordinator_found().size(), 1U);
    const auto told = questions.answer(refusal(1, code));
    EXPECT_TRUE(is_done(told));
    const bool removed = change == rpc::MasterChange::Remove;
    EXPECT_EQ(std::get<WriteDone>(*told).result->text,
              removed ? "n3 is no master" : "n3 is a master");
  }
}

TEST(Questions, TheLeadershipIsHandedOverOnce) {
  Questions questions;
  questions.sent(1, 11, change_of(1, rpc::MasterChange::Transfer), kLater);
  EXPECT_EQ(questions.coordinator_lost("gone").size(), 1U);
  EXPECT_TRUE(questions.coordinator_found().empty());
}

TEST(Questions, WhatThisNodeTookAndDoesNotKnowIsAskedOfTheNextCoordinator) {
  Questions questions;
  questions.taken(1, 11, write_of(1, "a"));
  EXPECT_EQ(questions.deadline(), kNever);  // it answers itself
  EXPECT_TRUE(questions.coordinator_lost("a stream").empty());
  EXPECT_TRUE(questions.coordinator_found().empty());
  EXPECT_FALSE(questions.settle({11, fail(Code::Unknown, "stepped down")}, kStart));
  EXPECT_EQ(questions.deadline(), kLater);
  EXPECT_EQ(questions.coordinator_found().size(), 1U);
  EXPECT_TRUE(is_done(questions.answer(done(1))));
  EXPECT_EQ(questions.deadline(), kNever);
}

TEST(Questions, WhatThisNodeAnswersItselfIsHeardAsItIs) {
  Questions questions;
  questions.taken(1, 11, write_of(1, "a"));
  questions.taken(2, 12, write_of(2, "b"));
  questions.taken(3, 13, write_of(3, ""));
  EXPECT_TRUE(questions.settle({11, Outcome{}}, kStart));
  EXPECT_TRUE(questions.settle({12, fail(Code::Conflict, "no")}, kStart));
  EXPECT_TRUE(questions.settle({13, fail(Code::Unknown, "stepped down")}, kStart));
  EXPECT_TRUE(questions.coordinator_found().empty());
}

TEST(Questions, ARefusalOfTheNextCoordinatorSaysNothingOfTheFirst) {
  Questions questions;
  questions.sent(1, 11, write_of(1, "a"), kLater);
  questions.sent(2, 12, write_of(2, "b"), kLater);
  EXPECT_EQ(code_of(questions.answer(refusal(2, Code::Unavailable))), Code::Unavailable);
  EXPECT_TRUE(questions.coordinator_lost("gone").empty());
  EXPECT_EQ(questions.coordinator_found().size(), 1U);
  EXPECT_FALSE(questions.answer(refusal(1, Code::Unavailable)));  // it hands over just now
  EXPECT_EQ(questions.coordinator_found().size(), 1U);
  EXPECT_EQ(code_of(questions.answer(refusal(1, Code::PermissionDenied))), Code::Unknown);
}

TEST(Questions, NobodyElseAnswersWhatThisNodeTook) {
  Questions questions;
  questions.taken(1, 11, write_of(1, "a"));
  EXPECT_FALSE(questions.answer(done(1)));
  EXPECT_TRUE(questions.settle({11, Outcome{}}, kStart));
}

TEST(Questions, NobodyWaitsForEver) {
  Questions questions;
  questions.sent(1, 11, write_of(1, "a"), kLater);
  questions.sent(2, 12, rpc::Read{2, "/v1/nodes", ""}, kStart + seconds(1));
  EXPECT_EQ(questions.deadline(), kStart + seconds(1));
  const auto first = questions.tick(kStart + seconds(1));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(std::get<ReadDone>(first[0]).status, 504);
  EXPECT_TRUE(questions.coordinator_lost("gone").empty());
  const auto second = questions.tick(kLater);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(code_of(second[0]), Code::Unknown);
  EXPECT_TRUE(questions.coordinator_found().empty());
  EXPECT_EQ(questions.deadline(), kNever);
}

}  // namespace
}  // namespace muster::agent
