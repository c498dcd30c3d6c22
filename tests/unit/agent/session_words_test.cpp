// What does an agent make of the word that another master leads?
#include "tests/unit/agent/session_fixture.h"

namespace muster::agent {
namespace {

struct SessionWords : SessionTest {
  // Registers and hears from the coordinator; another master.
  NodeName registered_in_term_7() {
    register_now();
    wait(0s);
    ack(beats().at(0), 7);
    return session.peer() == "n1" ? "n2" : "n1";
  }
};

TEST_F(SessionWords, WhoeverIsSaidToLeadIsAskedNext) {
  wait(0s);
  const NodeName asked = peer();
  const NodeName leader = asked == "n1" ? "n2" : "n1";
  session.on_leader_heard(leader, 2, now);
  take();
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(peer(), leader);
  session.on_leader_heard(leader, 2, now);  // again: it is being asked already
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionWords, AStrangerWhoIsSaidToLeadIsNotAsked) {
  wait(0s);
  session.on_leader_heard("mallory", 2, now);
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionWords, AWordThatIsOlderThanTheLeaseIsNotHeeded) {
  const NodeName other = registered_in_term_7();
  session.on_leader_heard(other, 7, now);
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionWords, ARegisteredAgentMakesSureThatItsCoordinatorIsGoneBeforeItBelievesTheWord) {
  const NodeName other = registered_in_term_7();
  const NodeName old = session.peer();
  session.on_leader_heard(other, 8, now);
  take();
  ASSERT_EQ(beats().size(), 1U);  // a question, at once
  ack(beats()[0], 7);
  wait(options.doubt_max);
  EXPECT_TRUE(only<CloseStream>().empty());
  EXPECT_EQ(session.peer(), old);
}

TEST_F(SessionWords, ACoordinatorThatDoesNotAnswerMakesPlaceForTheOneThatIsSaidToLead) {
  const NodeName other = registered_in_term_7();
  session.on_leader_heard(other, 8, now);
  wait(options.doubt_max);
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<SessionDown>().size(), 1U);
  EXPECT_EQ(peer(), other);
}

TEST_F(SessionWords, TheOneThatIsSaidToLeadIsAskedAsSoonAsTheStreamBreaks) {
  const NodeName other = registered_in_term_7();
  session.on_leader_heard(other, 8, now);
  take();
  session.on_closed(stream, "reset", now);
  take();
  EXPECT_EQ(peer(), other);
}

TEST_F(SessionWords, FalseWordsKeepAnAgentBusyLessAndLessOften) {
  wait(0s);
  std::uint64_t term = 2;
  const auto word = [&] {
    session.on_leader_heard(session.peer() == "n1" ? "n2" : "n1", ++term, now);
    take();
    return !effects.empty();
  };
  EXPECT_TRUE(word());
  for (Duration pause = options.word_interval; pause < options.word_interval_cap; pause *= 2) {
    now += pause - 1ms;
    EXPECT_FALSE(word());
    now += 1ms;
    EXPECT_TRUE(word());
  }
  now += options.word_interval_cap;
  opened();
  session.on_opened(stream, now);
  take();
  reply(here());
  now += options.word_interval;
  EXPECT_TRUE(word());  // who is registered listens again
}

TEST_F(SessionWords, AMasterThatWasJustFoundToBeSilentIsNotAskedBecauseOfAWord) {
  register_now();
  const NodeName silent = session.peer();
  wait(options.silence_max + options.heartbeat_interval);
  ASSERT_NE(peer(), silent);
  session.on_leader_heard(silent, 9, now);
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionWords, AnAnswerToAnOlderHeartbeatDoesNotEndTheDoubt) {
  register_now();
  wait(0s);
  const rpc::Heartbeat old = beats().at(0);
  const NodeName other = session.peer() == "n1" ? "n2" : "n1";
  session.on_leader_heard(other, 8, now);
  take();
  ack(old, 7);  // it was on its way when the coordinator froze
  wait(options.doubt_max);
  EXPECT_EQ(peer(), other);
}

TEST_F(SessionWords, ACoordinatorThatStepsDownInDoubtMakesPlaceForTheOneThatIsSaidToLead) {
  register_now();
  wait(0s);
  const NodeName other = session.peer() == "n1" ? "n2" : "n1";
  session.on_leader_heard(other, 8, now);
  take();
  reply(rpc::HelloReply{});
  EXPECT_EQ(peer(), other);
}

}  // namespace
}  // namespace muster::agent
