#include <limits>
#include <set>

#include "tests/unit/agent/session_fixture.h"

namespace muster::agent {
namespace {

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
