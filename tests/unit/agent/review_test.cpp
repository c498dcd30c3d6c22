// What the cores of an agent do when somebody means ill, or one master of several is wrong.
#include <algorithm>

#include <gtest/gtest.h>

#include "agent/coordinator.h"
#include "agent/session.h"
#include "agent/supervisor.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

const Instant kStart{1s};

template <class What, class Effects>
std::vector<What> only(const Effects& effects) {
  std::vector<What> found;
  for (const auto& effect : effects) {
    if (const auto* what = std::get_if<What>(&effect)) found.push_back(*what);
  }
  return found;
}

NodeInfo info(const NodeName& name) {
  NodeInfo info;
  info.name = name;
  info.rpc = {"127.0.0.1", 7947};
  return info;
}

InstanceStatus status(InstanceId id, Phase phase) {
  InstanceStatus status;
  status.instance = id;
  status.phase = phase;
  return status;
}

struct Leading : testing::Test {
  Leading() {
    coordinator.begin(1, "", kStart);
    coordinator.on_sighting("n2", {});
    coordinator.on_agent(2, "n2", kStart);
    state.nodes["n2"].info = info("n2");
    state.workloads["web"].spec.name = "web";
    Placement& placement = state.placements[7];
    placement.instance = 7;
    placement.workload = "web";
    placement.node = "n2";
    placement.status.instance = 7;
    (void)coordinator.take_effects();
  }
  std::vector<Command> step() {
    coordinator.step(state, WallTime{}, kStart);
    const auto batches = only<ProposeBatch>(coordinator.take_effects());
    return batches.empty() ? std::vector<Command>{} : batches.back().commands;
  }
  static std::size_t reported(const std::vector<Command>& commands) {
    std::size_t count = 0;
    for (const Command& command : commands) {
      const auto* report = std::get_if<ReportInstances>(&command.body);
      if (report != nullptr) count += report->statuses.size();
    }
    return count;
  }

  ClusterState state;
  Coordinator coordinator{[] {
                            CoordinatorOptions options;
                            options.pause = Duration::zero();
                            return options;
                          }(),
                          "n1"};
};

TEST_F(Leading, ARegistrationThatRepeatsItselfIsHeardOnce) {
  rpc::Register registration{info("n2"), {}};
  for (int i = 0; i < 50'000; ++i) {
    registration.instances.push_back(status(7, i % 2 == 0 ? Phase::Running : Phase::Ready));
  }
  coordinator.on_register(2, registration, kStart);
  EXPECT_EQ(reported(step()), 1U);
}

TEST_F(Leading, AnAgentThatReportsWithoutEndIsCutOff) {
  coordinator.on_register(2, {info("n2"), {}}, kStart);
  InstanceId id = 1;
  for (int i = 0; i < 20; ++i) {
    rpc::StatusReport report;
    for (int k = 0; k < 2000; ++k) report.statuses.push_back(status(id++, Phase::Running));
    coordinator.on_status(2, report, kStart);
  }
  const auto closed = only<CloseStream>(coordinator.take_effects());
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed.front().stream, 2U);
  EXPECT_EQ(coordinator.agents(), 0U);
}

TEST_F(Leading, AnAgentThatRegistersTooMuchIsCutOff) {
  rpc::Register registration{info("n2"), {}};
  for (InstanceId id = 1; id <= 40'000; ++id) {
    registration.instances.push_back(status(id, Phase::Running));
  }
  coordinator.on_register(2, registration, kStart);
  EXPECT_EQ(only<CloseStream>(coordinator.take_effects()).size(), 1U);
  EXPECT_EQ(coordinator.agents(), 0U);
}

struct Searching : testing::Test {
  void answer(const rpc::HelloReply& reply, Instant now) {
    for (const OpenStream& open : only<OpenStream>(session.take_effects())) stream = open.stream;
    session.on_opened(stream, now);
    session.on_frame(stream, reply, now);
  }
  static rpc::HelloReply here() {
    rpc::HelloReply reply;
    reply.here = true;
    return reply;
  }
  static rpc::HelloReply refusal() {
    rpc::HelloReply reply;
    reply.refused = true;
    reply.why = "its list of masters is another one";
    return reply;
  }

  Rng rng{1};
  StreamIds ids;
  StreamId stream = 0;
  Session session{
      {},  {{"n1", {"127.0.0.1", 1}}, {"n2", {"127.0.0.1", 2}}, {"n3", {"127.0.0.1", 3}}},
      {},  ids,
      rng, kStart};
};

TEST_F(Searching, ARefusalByEveryMasterBeforeAnyTookItIsFinal) {
  for (int master = 0; master < 3; ++master) {
    session.tick(std::max(kStart, session.deadline()));
    answer(refusal(), kStart);
    EXPECT_EQ(only<SessionRefused>(session.take_effects()).size(), master == 2 ? 1U : 0U);
  }
}

TEST_F(Searching, OneMasterWithAnotherListDoesNotEndAnAgentThatOthersTook) {
  session.tick(kStart);
  answer(here(), kStart);
  ASSERT_TRUE(session.registered());
  session.on_closed(stream, "connection reset", kStart + 1s);
  (void)session.take_effects();
  session.tick(kStart + 2s);
  answer(refusal(), kStart + 2s);
  EXPECT_TRUE(only<SessionRefused>(session.take_effects()).empty());
  ASSERT_NE(session.deadline(), kNever);
  session.tick(session.deadline());
  answer(here(), kStart + 3s);
  EXPECT_TRUE(session.registered());
}

TEST_F(Searching, ARefusedRegistrationIsFinal) {
  session.tick(kStart);
  answer(here(), kStart);
  (void)session.take_effects();
  session.on_frame(stream, refusal(), kStart);
  EXPECT_EQ(only<SessionRefused>(session.take_effects()).size(), 1U);
}

struct Restarted : testing::Test {
  RecoveredInstance job(RestartWhen when, std::int64_t pid) const {
    RecoveredInstance found;
    found.stored.assignment.instance = 7;
    found.stored.assignment.spec.name = "job";
    found.stored.assignment.spec.command = {"job"};
    found.stored.assignment.spec.restart.when = when;
    found.stored.pid = pid;
    return found;
  }
  // What the agent does once the coordinator has said that the copy is still wanted.
  std::vector<InstanceEffect> told(const RecoveredInstance& found) {
    Supervisor supervisor("c", "n1", "127.0.0.1", wall, rng, {found}, kStart);
    rpc::Assignments wanted;
    wanted.epoch = 1;
    wanted.items = {found.stored.assignment};
    supervisor.on_assignments(wanted, kStart);
    supervisor.on_saved(7, {}, kStart);
    return supervisor.take_effects();
  }

  WallAnchor wall{kStart, WallTime{}};
  Rng rng{1};
};

TEST_F(Restarted, AJobThatIsNeverRestartedIsNotRunAgain) {
  const auto effects = told(job(RestartWhen::Never, 4711));
  EXPECT_TRUE(only<StartProcess>(effects).empty());
  const auto changes = only<StatusChanged>(effects);
  ASSERT_FALSE(changes.empty());
  EXPECT_EQ(changes.back().status.phase, Phase::Done);
}

TEST_F(Restarted, AJobThatHadNotBegunIsRun) {
  EXPECT_EQ(only<StartProcess>(told(job(RestartWhen::Never, 0))).size(), 1U);
}

TEST_F(Restarted, WhatIsAlwaysRestartedIsStartedAgain) {
  EXPECT_EQ(only<StartProcess>(told(job(RestartWhen::Always, 4711))).size(), 1U);
}

// A thousand that came back at once were a thousand batches, each of which looked at everybody.
TEST(Storm, RegistrationsThatComeCloseTogetherShareABatch) {
  Coordinator coordinator{{}, "n1"};
  const auto batches = [&] { return only<ProposeBatch>(coordinator.take_effects()).size(); };
  ClusterState state;
  coordinator.begin(1, "first", kStart);
  const auto join = [&](StreamId stream, const NodeName& name) {
    coordinator.on_sighting(name, {gossip::MemberState::Alive, ""});
    coordinator.on_agent(stream, name, kStart);
    rpc::Register registration;
    registration.info.name = name;
    coordinator.on_register(stream, registration, kStart);
  };
  join(2, "n2");
  coordinator.step(state, WallTime{}, kStart);
  EXPECT_EQ(batches(), 1U);
  coordinator.on_batch_done(1);
  join(4, "n3");
  coordinator.step(state, WallTime{}, kStart + 1ms);
  EXPECT_EQ(batches(), 0U);
  EXPECT_EQ(coordinator.deadline(), kStart + CoordinatorOptions{}.pause);
  join(6, "n4");
  coordinator.step(state, WallTime{}, coordinator.deadline());
  EXPECT_EQ(batches(), 1U);
}

}  // namespace
}  // namespace muster::agent
