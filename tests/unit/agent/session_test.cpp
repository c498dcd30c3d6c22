#include "agent/session.h"

#include <limits>
#include <set>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

// The test is every master: streams open, answer and break only when it says so.
struct SessionTest : testing::Test {
  template <class T>
  std::vector<T> only() {
    std::vector<T> found;
    for (const SessionEffect& effect : effects) {
      if (const auto* one = std::get_if<T>(&effect)) found.push_back(*one);
    }
    return found;
  }
  void take() { effects = session.take_effects(); }
  // Lets `time` pass, tick by tick, and collects everything.
  void wait(Duration time) {
    effects.clear();
    const Instant end = now + time;
    while (session.deadline() <= end) {
      now = std::max(now, session.deadline());
      session.tick(now);
      for (SessionEffect& effect : session.take_effects()) effects.push_back(std::move(effect));
      ASSERT_GT(session.deadline(), now) << "a busy loop";
    }
    now = end;
  }
  // The one stream that was asked for; sets `stream`.
  Address opened() {
    const auto opens = only<OpenStream>();
    EXPECT_EQ(opens.size(), 1U);
    if (opens.size() != 1) return {};
    stream = opens[0].stream;
    return opens[0].to;
  }
  void connect() {
    wait(0s);
    opened();
    session.on_opened(stream, now);
    take();
  }
  void reply(rpc::HelloReply answer) {
    session.on_frame(stream, answer, now);
    take();
  }
  static rpc::HelloReply here() {
    rpc::HelloReply answer;
    answer.here = true;
    return answer;
  }
  static rpc::HelloReply elsewhere(const NodeName& name, Address told = {"6.6.6.6", 6}) {
    rpc::HelloReply answer;
    answer.coordinator = name;
    answer.coordinator_rpc = std::move(told);
    return answer;
  }
  void register_now() {
    connect();
    reply(here());
    ASSERT_TRUE(session.registered());
  }
  NodeName peer() {  // by the address that was asked for
    for (const auto& [name, address] : masters) {
      if (address == opened()) return name;
    }
    return {};
  }
  std::vector<rpc::Heartbeat> beats() {
    std::vector<rpc::Heartbeat> found;
    for (const SendFrame& sent : only<SendFrame>()) {
      if (const auto* beat = std::get_if<rpc::Heartbeat>(&sent.frame)) found.push_back(*beat);
    }
    return found;
  }
  void ack(const rpc::Heartbeat& beat, std::uint64_t epoch = 1, std::uint32_t lease_ms = 2000) {
    session.on_frame(stream, rpc::HeartbeatAck{beat.sequence, beat.sent_at_ns, epoch, lease_ms},
                     now);
  }

  const std::vector<std::pair<NodeName, Address>> masters{
      {"n1", {"10.0.0.1", 7947}}, {"n2", {"10.0.0.2", 7947}}, {"n3", {"10.0.0.3", 7947}}};
  Instant now{100s};
  Rng rng{1};
  StreamIds ids;
  SessionOptions options;
  Session session{options, masters, rpc::Hello{}, ids, rng, now};
  std::vector<SessionEffect> effects;
  StreamId stream = 0;
};

TEST_F(SessionTest, AsksAMasterAtOnceAndSaysHelloFirst) {
  wait(0s);
  EXPECT_NE(peer(), "");
  EXPECT_TRUE(only<SendFrame>().empty());
  session.on_opened(stream, now);
  take();
  ASSERT_EQ(only<SendFrame>().size(), 1U);
  EXPECT_TRUE(std::holds_alternative<rpc::Hello>(only<SendFrame>()[0].frame));
}

TEST_F(SessionTest, RegistersWhereTheCoordinatorIs) {
  connect();
  reply(here());
  ASSERT_EQ(only<SessionUp>().size(), 1U);
  EXPECT_EQ(session.coordinator(), only<SessionUp>()[0].coordinator);
  EXPECT_TRUE(session.send(rpc::StatusReport{}));
}

TEST_F(SessionTest, NothingIsSentBeforeItIsRegistered) {
  EXPECT_FALSE(session.send(rpc::StatusReport{}));
  connect();
  EXPECT_FALSE(session.send(rpc::StatusReport{}));
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionTest, GoesToTheCoordinatorThatAMasterNamesAtItsConfiguredAddress) {
  wait(0s);
  const NodeName other = peer() == "n1" ? "n2" : "n1";
  session.on_opened(stream, now);
  take();
  reply(elsewhere(other));
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(peer(), other);
}

TEST_F(SessionTest, ACoordinatorThatIsNotConfiguredIsNotGoneTo) {
  connect();
  reply(elsewhere("evil"));
  EXPECT_TRUE(only<OpenStream>().empty());
  wait(options.retry_cap - 1ms);
  EXPECT_TRUE(effects.empty()) << "a confused master is not asked in a busy loop";
  wait(1ms);
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

TEST_F(SessionTest, WaitsAtAMasterThatDoesNotKnowAndRegistersWhenItDoes) {
  connect();
  reply(rpc::HelloReply{});
  EXPECT_TRUE(effects.empty());
  wait(options.patience - 1ms);
  EXPECT_TRUE(effects.empty());
  reply(here());
  EXPECT_TRUE(session.registered());
}

TEST_F(SessionTest, GoesFromAMasterThatDoesNotKnowToTheOneItLearnsOf) {
  wait(0s);
  const NodeName other = peer() == "n3" ? "n1" : "n3";
  session.on_opened(stream, now);
  take();
  reply(rpc::HelloReply{});
  wait(100ms);
  reply(elsewhere(other));
  EXPECT_EQ(peer(), other);
}

TEST_F(SessionTest, AsksTheNextMasterWhenOneDoesNotKnowForLong) {
  wait(0s);
  const NodeName first = peer();
  session.on_opened(stream, now);
  take();
  reply(rpc::HelloReply{});
  wait(options.patience);
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_NE(peer(), first);
}

TEST_F(SessionTest, AConnectionThatIsNotMadeInTimeIsGivenUp) {
  wait(0s);
  const NodeName first = peer();
  const StreamId silent = stream;
  wait(options.connect_timeout);
  ASSERT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<CloseStream>()[0].stream, silent);
  EXPECT_NE(peer(), first);
  session.on_opened(silent, now);  // late
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionTest, AHelloThatIsNotAnsweredInTimeIsGivenUp) {
  connect();
  wait(options.reply_timeout);
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

TEST_F(SessionTest, AMasterWhoseHostIsThereGetsItsTimeForTheHandshake) {
  wait(0s);
  opened();
  session.on_reached(stream, now);
  wait(options.reply_timeout - 1ms);
  EXPECT_TRUE(only<CloseStream>().empty());
  session.on_opened(stream, now);
  session.on_reached(stream, now);  // late, and of no matter
  take();
  EXPECT_EQ(only<SendFrame>().size(), 1U);
  EXPECT_EQ(session.deadline(), now + options.reply_timeout);
}

TEST_F(SessionTest, MastersThatAreSlowToAnswerGetMoreTimeUntilOneAnswers) {
  wait(0s);
  Duration patience = options.reply_timeout;
  for (std::size_t attempt = 1; attempt < 10; ++attempt) {
    opened();
    session.on_reached(stream, now);
    EXPECT_EQ(session.deadline() - now, patience);
    wait(patience);
    if (attempt % masters.size() == 0) patience = std::min(patience * 2, options.reply_timeout_cap);
  }
  EXPECT_EQ(patience, options.reply_timeout_cap);
  opened();
  session.on_opened(stream, now);
  EXPECT_EQ(session.deadline() - now, patience);  // for the reply as well
  take();
  reply(rpc::HelloReply{});
  wait(options.patience);  // it knows nobody: the next one is asked, and the old time holds again
  opened();
  session.on_reached(stream, now);
  EXPECT_EQ(session.deadline() - now, options.reply_timeout);
}

TEST_F(SessionTest, ASilentCoordinatorIsAskedLastAndNotBelievedToLead) {
  register_now();
  const NodeName silent = session.peer();
  wait(options.silence_max + options.heartbeat_interval);
  ASSERT_EQ(only<OpenStream>().size(), 1U);
  EXPECT_NE(peer(), silent);
  session.on_opened(stream, now);
  take();
  reply(elsewhere(silent));  // this one has not noticed yet
  EXPECT_TRUE(only<OpenStream>().empty());
  wait(options.patience);
  EXPECT_NE(peer(), silent);
}

TEST_F(SessionTest, WhoeverIsSaidToLeadIsAskedNext) {
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

TEST_F(SessionTest, AStrangerWhoIsSaidToLeadIsNotAsked) {
  wait(0s);
  session.on_leader_heard("mallory", 2, now);
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionTest, AWordThatIsOlderThanTheLeaseIsNotHeeded) {
  register_now();
  wait(0s);
  ack(beats().at(0), 7);
  const NodeName other = session.peer() == "n1" ? "n2" : "n1";
  session.on_leader_heard(other, 7, now);
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionTest, ARegisteredAgentMakesSureThatItsCoordinatorIsGoneBeforeItBelievesTheWord) {
  register_now();
  wait(0s);
  ack(beats().at(0), 7);
  const NodeName old = session.peer();
  const NodeName other = old == "n1" ? "n2" : "n1";
  session.on_leader_heard(other, 8, now);
  take();
  ASSERT_EQ(beats().size(), 1U);  // a question, at once
  ack(beats()[0], 7);
  wait(options.doubt_max);
  EXPECT_TRUE(only<CloseStream>().empty());
  EXPECT_EQ(session.peer(), old);
}

TEST_F(SessionTest, ACoordinatorThatDoesNotAnswerMakesPlaceForTheOneThatIsSaidToLead) {
  register_now();
  wait(0s);
  ack(beats().at(0), 7);
  const NodeName other = session.peer() == "n1" ? "n2" : "n1";
  session.on_leader_heard(other, 8, now);
  wait(options.doubt_max);
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<SessionDown>().size(), 1U);
  EXPECT_EQ(peer(), other);
}

TEST_F(SessionTest, TheOneThatIsSaidToLeadIsAskedAsSoonAsTheStreamBreaks) {
  register_now();
  wait(0s);
  ack(beats().at(0), 7);
  const NodeName other = session.peer() == "n1" ? "n2" : "n1";
  session.on_leader_heard(other, 8, now);
  take();
  session.on_closed(stream, "reset", now);
  take();
  EXPECT_EQ(peer(), other);
}

TEST_F(SessionTest, FalseWordsKeepAnAgentBusyLessAndLessOften) {
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

TEST_F(SessionTest, AMasterThatWasJustFoundToBeSilentIsNotAskedBecauseOfAWord) {
  register_now();
  const NodeName silent = session.peer();
  wait(options.silence_max + options.heartbeat_interval);
  ASSERT_NE(peer(), silent);
  session.on_leader_heard(silent, 9, now);
  take();
  EXPECT_TRUE(effects.empty());
}

TEST_F(SessionTest, AnAnswerToAnOlderHeartbeatDoesNotEndTheDoubt) {
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

TEST_F(SessionTest, ACoordinatorThatStepsDownInDoubtMakesPlaceForTheOneThatIsSaidToLead) {
  register_now();
  wait(0s);
  const NodeName other = session.peer() == "n1" ? "n2" : "n1";
  session.on_leader_heard(other, 8, now);
  take();
  reply(rpc::HelloReply{});
  EXPECT_EQ(peer(), other);
}

TEST_F(SessionTest, RefusedConnectionsAreTriedAgainWithABackOffUpToTheCap) {
  wait(0s);
  Duration longest{};
  for (int attempt = 0; attempt < 20; ++attempt) {
    opened();
    session.on_closed(stream, "connection refused", now);
    const Duration pause = session.deadline() - now;
    EXPECT_GE(pause, options.retry_initial);
    EXPECT_LE(pause, 2 * options.retry_cap);
    longest = std::max(longest, pause);
    wait(pause);
  }
  EXPECT_GE(longest, options.retry_cap);
}

TEST_F(SessionTest, AllMastersAreAskedInTurn) {
  std::set<NodeName> asked;
  wait(0s);
  for (int attempt = 0; attempt < 3; ++attempt) {
    asked.insert(peer());
    session.on_closed(stream, "connection refused", now);
    wait(session.deadline() - now);
  }
  EXPECT_EQ(asked.size(), 3U);
}

TEST_F(SessionTest, ARefusalByAllIsFinal) {
  rpc::HelloReply no;
  no.refused = true;
  no.why = "another cluster";
  for (int asked = 0; asked < 10; ++asked) {
    now = std::max(now, session.deadline());
    connect();
    reply(no);
    if (!only<SessionRefused>().empty()) break;
    ASSERT_EQ(only<SessionRebuffed>().size(), 1U);
  }
  ASSERT_EQ(only<SessionRefused>().size(), 1U);
  EXPECT_NE(only<SessionRefused>()[0].why.find("another cluster"), std::string::npos);
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_FALSE(session.registered());
}

TEST_F(SessionTest, ARefusalAfterRegistrationIsFinalToo) {
  register_now();
  rpc::HelloReply no;
  no.refused = true;
  reply(no);
  EXPECT_EQ(only<SessionRefused>().size(), 1U);
  EXPECT_EQ(only<SessionDown>().size(), 1U);
}

TEST_F(SessionTest, BeatsRegularlyWithItsOwnTimeInTheBeat) {
  register_now();
  wait(0s);
  ASSERT_EQ(beats().size(), 1U);
  EXPECT_EQ(beats()[0].sent_at_ns, now.time_since_epoch().count());
  ack(beats()[0]);
  wait(options.heartbeat_interval);
  ASSERT_EQ(beats().size(), 1U);
  EXPECT_EQ(beats()[0].sequence, 2U);
}

TEST_F(SessionTest, TheLeaseCountsFromTheSendingOfTheBeat) {
  register_now();
  wait(0s);
  const rpc::Heartbeat beat = beats()[0];
  const Instant sent = now;
  wait(300ms);
  ack(beat);
  EXPECT_EQ(session.lease().until(), sent + 2s);
}

TEST_F(SessionTest, AnAnswerToABeatNeverSentGrantsNothing) {
  register_now();
  wait(0s);
  const rpc::Heartbeat beat = beats()[0];
  const auto ns = now.time_since_epoch().count();
  for (const rpc::Heartbeat& lie :
       {rpc::Heartbeat{beat.sequence + 1, ns}, rpc::Heartbeat{0, ns},
        rpc::Heartbeat{beat.sequence, ns + 1},
        rpc::Heartbeat{beat.sequence, std::numeric_limits<std::int64_t>::max()}}) {
    ack(lie);
    EXPECT_FALSE(session.lease().held(now));
  }
  ack(beat);
  EXPECT_TRUE(session.lease().held(now));
}

TEST_F(SessionTest, MovesOnWhenTheCoordinatorIsSilent) {
  register_now();
  wait(options.silence_max - 1ms);
  EXPECT_TRUE(session.registered());
  wait(1ms);
  ASSERT_EQ(only<SessionDown>().size(), 1U);
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

TEST_F(SessionTest, StaysWithACoordinatorThatAnswers) {
  register_now();
  for (int beat = 0; beat < 50; ++beat) {
    wait(beat == 0 ? 0s : options.heartbeat_interval);
    ASSERT_EQ(beats().size(), 1U);
    ack(beats()[0]);
  }
  EXPECT_TRUE(session.registered());
}

TEST_F(SessionTest, ABrokenStreamIsReplacedAtOnce) {
  register_now();
  session.on_closed(stream, "reset", now);
  take();
  ASSERT_EQ(only<SessionDown>().size(), 1U);
  EXPECT_EQ(only<SessionDown>()[0].why, "reset");
  wait(0s);
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

TEST_F(SessionTest, ACoordinatorThatStepsDownIsHeardUntilItKnowsAnother) {
  wait(0s);
  const NodeName first = peer();
  session.on_opened(stream, now);
  take();
  reply(here());
  reply(rpc::HelloReply{});
  ASSERT_EQ(only<SessionDown>().size(), 1U);
  EXPECT_FALSE(session.registered());
  reply(elsewhere(first == "n1" ? "n2" : "n1"));
  EXPECT_TRUE(only<SessionDown>().empty()) << "it was said before";
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

TEST_F(SessionTest, FramesOfAnOldStreamCountForNothing) {
  register_now();
  const StreamId old = stream;
  session.on_closed(old, "reset", now);
  session.on_frame(old, here(), now);
  EXPECT_FALSE(session.registered());
  session.on_closed(old, "again", now);
  take();
  EXPECT_EQ(only<SessionDown>().size(), 1U);
}

TEST_F(SessionTest, AMasterGoesToTheLeaderThatItKnowsItself) {
  register_now();
  const NodeName other = session.coordinator() == "n1" ? "n2" : "n1";
  session.on_coordinator(session.coordinator(), now);
  session.on_coordinator("", now);
  session.on_coordinator("unlisted", now);
  take();
  EXPECT_TRUE(effects.empty());
  session.on_coordinator(other, now);
  take();
  EXPECT_EQ(only<SessionDown>().size(), 1U);
  EXPECT_EQ(peer(), other);
}

}  // namespace
}  // namespace muster::agent
