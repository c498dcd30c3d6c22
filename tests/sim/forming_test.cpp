// What does a founder do whose disk is empty? It founds the cluster with the others, or joins the
// one that there is, and never leads a second one beside it.
#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/protobuf_codec.h"
#include "failover/raft_library.h"
#include "world.h"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;

// n2 of the founders n1, n2 and n3, and whatever n1 and n3 say to it.
struct Forming : testing::Test {
  void start(const std::string& known_cluster = {}) {
    agent::NodeOptions options;
    options.cluster = "sim";
    options.info.name = "n2";
    options.info.rpc = {"10.0.0.2", 7947};
    options.info.gossip = {"10.0.0.2", 7946};
    options.info.master = true;
    options.info.boot = "boot";
    options.masters = {
        {"n1", {"10.0.0.1", 7947}}, {"n2", options.info.rpc}, {"n3", {"10.0.0.3", 7947}}};
    options.masters_digest = 7;
    agent::Recovered found;
    found.cluster_id = known_cluster;
    node = std::make_unique<agent::Node>(options, found, protobuf_codec(), WallTime{}, now);
    look();
  }
  void hear(const agent::Event& event) {
    node->handle(event, now);
    look();
  }
  // What is to be written is on the disk at once.
  void look() {
    for (bool wrote = true; wrote;) {
      std::uint64_t ticket = 0;
      for (const agent::Effect& effect : node->take_effects()) {
        if (const auto* vote = std::get_if<failover::SaveVote>(&effect)) ticket = vote->ticket;
        if (const auto* log = std::get_if<failover::AppendLog>(&effect)) ticket = log->ticket;
        look_at(effect);
      }
      wrote = ticket != 0;
      if (wrote) node->handle(agent::LogDurable{ticket}, now);
    }
  }
  void look_at(const agent::Effect& effect) {
    if (const auto* open = std::get_if<agent::OpenStream>(&effect)) {
      to[open->stream] = open->to.host;
    } else if (const auto* frame = std::get_if<agent::SendFrame>(&effect)) {
      sent(*frame);
    } else if (const auto* closing = std::get_if<agent::CloseStream>(&effect)) {
      hellos.erase(closing->stream);
      to.erase(closing->stream);
    } else if (const auto* halt = std::get_if<agent::Halt>(&effect)) {
      halted = halt->why;
    } else if (std::holds_alternative<agent::RetireMaster>(effect)) {
      retired = true;
    }
  }
  void sent(const agent::SendFrame& out) {
    if (const auto* hello = std::get_if<rpc::Hello>(&out.frame)) {
      hellos[out.stream] = hello->purpose;
    } else if (const auto* message = std::get_if<rpc::Consensus>(&out.frame)) {
      votes = votes || std::holds_alternative<raft::RequestVote>(message->message);
    } else if (const auto* registration = std::get_if<rpc::Register>(&out.frame)) {
      registered = registration->info.master;
      id = registration->master_id;
      session = out.stream;
    }
  }
  // `host` takes every stream that is opened to it and gives this answer to Hellos of this kind.
  void answer(const std::string& host, rpc::Purpose purpose, const rpc::HelloReply& reply) {
    std::vector<StreamId> opening;
    for (const auto& [stream, at] : to) {
      if (at == host && !hellos.contains(stream)) opening.push_back(stream);
    }
    for (const StreamId stream : opening) hear(agent::StreamOpened{stream, {}});
    std::vector<StreamId> asked;
    for (const auto& [stream, what] : hellos) {
      if (to.contains(stream) && to[stream] == host && what == purpose) asked.push_back(stream);
    }
    for (const StreamId stream : asked) {
      hellos.erase(stream);
      if (to.contains(stream)) hear(agent::FrameArrived{stream, reply});
    }
  }
  template <class Say>
  void run(Duration time, const Say& say) {
    for (const Instant end = now + time; now < end && halted.empty(); now += 10ms) {
      hear(agent::Tick{});
      say();
    }
  }
  // Of one whose log is empty, too.
  static rpc::HelloReply blank(const std::string& cluster_id = {}) {
    rpc::HelloReply reply;
    reply.blank = true;
    reply.cluster_id = cluster_id;
    return reply;
  }
  // Of the coordinator of a cluster with these masters.
  static rpc::HelloReply known(std::vector<rpc::MasterAddress> masters) {
    rpc::HelloReply reply;
    reply.here = true;
    reply.coordinator = "n1";
    reply.cluster_id = "c1";
    reply.masters = std::move(masters);
    return reply;
  }

  const rpc::MasterAddress n1{"n1", {"10.0.0.1", 7947}};
  const rpc::MasterAddress n2{"n2", {"10.0.0.2", 7947}};
  const rpc::MasterAddress n3{"n3", {"10.0.0.3", 7947}};
  Instant now{100s};
  std::unique_ptr<agent::Node> node;
  std::map<StreamId, std::string> to;
  std::map<StreamId, rpc::Purpose> hellos;  // not answered yet
  bool votes = false;                       // it asked for some: it took itself for a founder
  bool registered = false;                  // as a master
  MasterId id = 0;                          // as it registered
  StreamId session = 0;                     // where
  bool retired = false;
  std::string halted;
};

TEST_F(Forming, FoundersThatAllKnowNothingBeginTheCluster) {
  start();
  run(3s, [&] {
    answer("10.0.0.1", rpc::Purpose::Master, blank());
    answer("10.0.0.3", rpc::Purpose::Master, blank());
  });
  EXPECT_TRUE(votes);
  EXPECT_EQ(halted, "");
}

TEST_F(Forming, AMajorityOfThemBeginsItWithoutTheRest) {
  start();
  run(5s, [&] { answer("10.0.0.3", rpc::Purpose::Master, blank()); });
  EXPECT_TRUE(votes);
}

TEST_F(Forming, OneAloneWaits) {
  start();
  run(10s, [] {});
  EXPECT_FALSE(votes);
}

// n1 went on alone after the loss of the others; n2 and n3 are set up again at the same moment.
TEST_F(Forming, TwoThatForgotDoNotLeadASecondClusterBesideTheOneThatThereIs) {
  start();
  rpc::HelloReply refusal = known({n1});
  refusal.refused = true;
  refusal.why = "\"n2\" is not in the list of masters";
  run(50ms, [&] { answer("10.0.0.3", rpc::Purpose::Master, blank()); });
  EXPECT_FALSE(votes) << "before n1 could answer";
  run(5s, [&] {
    answer("10.0.0.3", rpc::Purpose::Master, blank());
    answer("10.0.0.1", rpc::Purpose::Master, refusal);
    answer("10.0.0.1", rpc::Purpose::Agent, known({n1}));
  });
  EXPECT_FALSE(votes);
  EXPECT_FALSE(retired);
  EXPECT_EQ(halted, "");
  EXPECT_TRUE(registered) << "to be added as a new master";
}

// What n1 said to agents when it had not added n2 yet arrives after what it says to masters.
TEST_F(Forming, OneThatIsBeingAddedIsNoMasterThatWasTakenAway) {
  start();
  run(3s, [&] {
    answer("10.0.0.3", rpc::Purpose::Master, blank());
    rpc::HelloReply refusal = known({n1});
    refusal.refused = true;
    answer("10.0.0.1", rpc::Purpose::Master, refusal);
    answer("10.0.0.1", rpc::Purpose::Agent, known({n1}));
  });
  ASSERT_TRUE(registered);
  rpc::Hello hello;
  hello.cluster = "sim";
  hello.cluster_id = "c1";
  hello.from = "n1";
  hello.purpose = rpc::Purpose::Master;
  constexpr StreamId kFromN1 = 1'000'000'001;
  hear(agent::StreamAccepted{kFromN1});
  hear(agent::FrameArrived{kFromN1, hello});
  const raft::Server leader{master_id("n1"), n1.rpc.text(), true};
  const auto entry = [](raft::EntryType type, const std::string& data) {
    return raft::Entry{1, type, std::make_shared<const std::string>(data)};
  };
  raft::AppendEntries append;
  append.term = 1;
  append.leader_commit = 1;
  append.entries = {entry(raft::EntryType::Change, failover::encode_configuration({leader})),
                    entry(raft::EntryType::Barrier, ""),
                    entry(raft::EntryType::Change,
                          failover::encode_configuration({leader, {id, n2.rpc.text(), false}}))};
  hear(agent::FrameArrived{kFromN1, rpc::Consensus{append}});
  ASSERT_TRUE(node->master()->belongs());
  rpc::Facts facts;
  facts.cluster_id = "c1";
  facts.masters = {n1};
  facts.revision = 2;
  hear(agent::FrameArrived{session, facts});
  EXPECT_FALSE(retired) << "the third entry made it one";
  facts.revision = 4;
  hear(agent::FrameArrived{session, facts});
  EXPECT_TRUE(retired);
}

// n1 alone has a log, and leads nobody yet: it refuses n2, or does not know what it is.
TEST_F(Forming, WhileAMasterHasALogNobodyBeginsAnotherCluster) {
  for (const bool refused : {true, false}) {
    start();
    rpc::HelloReply told;
    told.refused = refused;
    told.why = "\"n2\" is not in the list of masters";
    run(10s, [&] {
      answer("10.0.0.3", rpc::Purpose::Master, blank());
      answer("10.0.0.1", rpc::Purpose::Master, told);
    });
    EXPECT_FALSE(votes) << refused;
    run(6s, [&] {
      answer("10.0.0.3", rpc::Purpose::Master, blank());
      answer("10.0.0.1", rpc::Purpose::Master, known({n1, n2, n3}));
    });
    EXPECT_TRUE(votes) << "now that it leads it says that n2 is one of them";
    votes = false;
  }
}

TEST_F(Forming, ACoordinatorThatAgentsFindIsAskedAtOnce) {
  start();
  rpc::HelloReply refusal;
  refusal.refused = true;
  run(500ms, [&] {
    answer("10.0.0.3", rpc::Purpose::Master, blank());
    answer("10.0.0.1", rpc::Purpose::Master, refusal);
  });
  refusal = known({n1});
  refusal.refused = true;
  run(3s, [&] { answer("10.0.0.1", rpc::Purpose::Agent, known({n1})); });
  ASSERT_NE(session, 0U);
  run(100ms, [&] { answer("10.0.0.1", rpc::Purpose::Master, refusal); });
  EXPECT_FALSE(node->master()->forming()) << "it joins";
}

TEST_F(Forming, AnAgentThatIsNoMasterHoldsNobodyUp) {
  start();
  rpc::HelloReply refusal = blank();
  refusal.refused = true;
  refusal.why = "n1 is not a master";
  run(5s, [&] {
    answer("10.0.0.3", rpc::Purpose::Master, blank());
    answer("10.0.0.1", rpc::Purpose::Master, refusal);
  });
  EXPECT_TRUE(votes);
}

// They were members of a cluster, and all that knows more of it is switched off.
TEST_F(Forming, TwoThatRememberAClusterDoNotFoundAnother) {
  start("c1");
  run(10s, [&] { answer("10.0.0.3", rpc::Purpose::Master, blank("c1")); });
  EXPECT_FALSE(votes);
  EXPECT_EQ(halted, "");
}

TEST_F(Forming, OneThatMetAMemberOfAClusterFoundsNone) {
  start();
  run(10s, [&] { answer("10.0.0.3", rpc::Purpose::Master, blank("c1")); });
  EXPECT_FALSE(votes);
}

TEST_F(Forming, AFounderThatCameLateTakesPart) {
  start("c1");
  run(5s, [&] { answer("10.0.0.1", rpc::Purpose::Master, known({n1, n2, n3})); });
  EXPECT_TRUE(votes);
}

TEST_F(Forming, AMasterThatLostItsLogDoesNotTakePartAndSaysHowItMay) {
  start();
  rpc::HelloReply lost = known({n1, n2, n3});
  lost.remembered = true;
  run(3s, [&] { answer("10.0.0.1", rpc::Purpose::Master, lost); });
  EXPECT_FALSE(votes);
  EXPECT_NE(halted.find("muster masters remove n2"), std::string::npos) << halted;
}

}  // namespace
}  // namespace muster::sim
