#include "agent/master_links.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

struct LinksTest : testing::Test {
  template <class T>
  std::vector<T> only() {
    std::vector<T> found;
    for (const LinkEffect& effect : effects) {
      if (const auto* one = std::get_if<T>(&effect)) found.push_back(*one);
    }
    return found;
  }
  void take() { effects = links.take_effects(); }
  void send(raft::Term term = 1) {
    raft::TimeoutNow message;
    message.term = term;
    links.send("n2", message, now);
    take();
  }
  StreamId opening() {
    const auto opens = only<OpenStream>();
    EXPECT_EQ(opens.size(), 1U);
    return opens.empty() ? 0 : opens[0].stream;
  }
  void refuse(StreamId stream) {
    rpc::HelloReply no;
    no.refused = true;
    no.why = "another list of masters";
    links.on_frame(stream, no, now);
    take();
  }

  Instant now{100s};
  StreamIds ids;
  MasterLinks links{rpc::Hello{}, {{"n2", {"10.0.0.2", 7947}}, {"n3", {"10.0.0.3", 7947}}}, ids};
  std::vector<LinkEffect> effects;
};

TEST_F(LinksTest, AStreamIsOpenedWhenThereIsSomethingToSay) {
  take();
  EXPECT_TRUE(effects.empty());
  send();
  ASSERT_EQ(only<OpenStream>().size(), 1U);
  EXPECT_EQ(only<OpenStream>()[0].to, (Address{"10.0.0.2", 7947}));
  send();
  EXPECT_TRUE(effects.empty()) << "one stream a master";
}

TEST_F(LinksTest, TheHelloOfAMasterComesFirstThenWhatWaitedInOrder) {
  send(1);
  const StreamId stream = opening();
  send(2);
  links.on_opened(stream);
  take();
  const auto sent = only<SendFrame>();
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(std::get<rpc::Hello>(sent[0].frame).purpose, rpc::Purpose::Master);
  for (const raft::Term term : {1U, 2U}) {
    const auto& message = std::get<rpc::Consensus>(sent[term].frame).message;
    EXPECT_EQ(std::get<raft::TimeoutNow>(message).term, term);
  }
  send(3);
  EXPECT_EQ(only<SendFrame>().size(), 1U);
}

TEST_F(LinksTest, TheQueueIsShortAndTheOldestIsDropped) {
  send(0);
  const StreamId stream = opening();
  for (raft::Term term = 1; term < 100; ++term) send(term);
  links.on_opened(stream);
  take();
  const auto sent = only<SendFrame>();
  ASSERT_EQ(sent.size(), 65U);
  const auto& last = std::get<rpc::Consensus>(sent.back().frame).message;
  EXPECT_EQ(std::get<raft::TimeoutNow>(last).term, 99U);
}

TEST_F(LinksTest, ABrokenStreamIsALossAndIsReopenedWithBackOff) {
  send();
  StreamId stream = opening();
  links.on_opened(stream);
  links.on_closed(stream, now);
  take();
  EXPECT_EQ(only<LinkLost>().size(), 1U);
  Duration pause = 20ms;
  for (int attempt = 0; attempt < 8; ++attempt) {
    now += pause - 1ns;
    send();
    EXPECT_TRUE(effects.empty());
    now += 1ns;
    send();
    stream = opening();
    links.on_closed(stream, now);
    take();
    EXPECT_TRUE(only<LinkLost>().empty()) << "it was not there to be lost";
    pause = std::min<Duration>(2 * pause, 500ms);
  }
}

TEST_F(LinksTest, AStreamThatWasOpenStartsTheBackOffAnew) {
  send();
  for (int attempt = 0; attempt < 5; ++attempt) {
    const StreamId stream = opening();
    links.on_opened(stream);
    links.on_closed(stream, now);
    now += 20ms;
    send();
  }
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

// A host without power answers nothing, and the kernel tries for minutes.
TEST_F(LinksTest, AnAttemptThatNobodyAnswersIsGivenUpAndMadeAgain) {
  send();
  const StreamId silent = opening();
  now += 499ms;
  send();
  EXPECT_TRUE(effects.empty());
  now += 1ms;
  send();
  ASSERT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<CloseStream>()[0].stream, silent);
  EXPECT_FALSE(links.owns(silent));
  now += 20ms;
  send();
  EXPECT_NE(opening(), silent);
}

TEST_F(LinksTest, AMasterWhoseHostIsThereGetsItsTimeForTheHandshake) {
  send();
  const StreamId slow = opening();
  now += 400ms;
  links.on_reached(slow, now);
  now += 1999ms;
  send();
  EXPECT_TRUE(effects.empty());
  now += 1ms;
  send();
  EXPECT_EQ(only<CloseStream>().size(), 1U);
}

TEST_F(LinksTest, WhoRefusedOneHelloIsAskedAtOnceWithAnother) {
  send();
  const StreamId stream = opening();
  links.on_opened(stream);
  refuse(stream);
  effects.clear();
  rpc::Hello other;
  other.cluster_id = "now known";
  links.set_hello(other);
  send();
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

TEST_F(LinksTest, ARefusalIsToldIsNoLossAndIsTriedAgainLater) {
  send();
  const StreamId stream = opening();
  links.on_opened(stream);
  refuse(stream);
  ASSERT_EQ(only<LinkRefused>().size(), 1U);
  EXPECT_EQ(only<LinkRefused>()[0].reply.why, "another list of masters");
  EXPECT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_TRUE(only<LinkLost>().empty());
  EXPECT_FALSE(links.owns(stream));
  now += 5s - 1ns;
  send();
  EXPECT_TRUE(effects.empty());
  now += 1ns;
  send();
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

TEST_F(LinksTest, StrangersAndOldStreamsAreIgnored) {
  links.send("n9", raft::TimeoutNow{}, now);
  links.on_opened(77);
  links.on_closed(77, now);
  refuse(77);
  EXPECT_TRUE(effects.empty());
}

TEST_F(LinksTest, OneMasterThatIsAwayDoesNotHoldUpAnother) {
  send();
  links.on_closed(opening(), now);
  links.send("n3", raft::TimeoutNow{}, now);
  take();
  EXPECT_EQ(only<OpenStream>().size(), 1U);
}

}  // namespace
}  // namespace muster::agent
