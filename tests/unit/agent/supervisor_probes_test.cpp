#include "supervisor_fixture.h"

namespace muster::agent {
namespace {

// --- probes ---

TEST_F(SupervisorTest, IsReadyOnlyWhenItsProbeSaysSo) {
  rpc::Assignment item = run(1);
  item.spec.readiness = probe(1);
  running(item);
  EXPECT_EQ(phase(), Phase::Running);
  next();
  ASSERT_EQ(only<RunCheck>().size(), 1U);
  EXPECT_EQ(only<RunCheck>()[0].probe.host, "10.0.0.1");
  EXPECT_EQ(only<RunCheck>()[0].probe.port, 8080);
  check(only<RunCheck>()[0], true);
  EXPECT_EQ(phase(), Phase::Ready);
  next();
  check(only<RunCheck>()[0], false);
  EXPECT_EQ(phase(), Phase::Running);
  EXPECT_EQ(status().why, "not ready: HTTP 500");
  EXPECT_EQ(status().pid, 100) << "readiness kills nothing";
}

TEST_F(SupervisorTest, AFailedLivenessEndsItWithGraceThenKillThenBackOff) {
  rpc::Assignment item = run(1);
  item.spec.liveness = probe(2);
  running(item);
  for (int failures = 0; failures < 2; ++failures) {
    EXPECT_TRUE(only<SignalProcess>().empty());
    next();
    check(only<RunCheck>()[0], false);
  }
  ASSERT_EQ(only<SignalProcess>().size(), 1U);
  EXPECT_EQ(only<SignalProcess>()[0].signal, Signal::Terminate);
  EXPECT_EQ(supervisor->deadline(), now + 5s);
  next();
  EXPECT_EQ(only<SignalProcess>()[0].signal, Signal::Kill);
  exited(100, false, "exit 0");
  EXPECT_EQ(phase(), Phase::Backoff);
  EXPECT_EQ(status().why, "liveness probe failed: HTTP 500");
  next();
  EXPECT_EQ(only<StartProcess>().size(), 1U);
}

TEST_F(SupervisorTest, ACleanEndAfterAFailedLivenessIsAFailureAllTheSame) {
  rpc::Assignment item = run(1);
  item.spec.liveness = probe(1);
  item.spec.restart.when = RestartWhen::OnFailure;
  running(item);
  next();
  check(only<RunCheck>()[0], false);
  exited(100, false, "exit 0");
  EXPECT_EQ(phase(), Phase::Backoff);
}

TEST_F(SupervisorTest, ADoomedProcessDoesNotBecomeReady) {
  rpc::Assignment item = run(1);
  item.spec.liveness = probe(1);
  item.spec.readiness = probe(1);
  running(item);
  next();
  const auto asked = only<RunCheck>();
  ASSERT_EQ(asked.size(), 2U);
  check(asked[0].role == ProbeRole::Liveness ? asked[0] : asked[1], false);
  check(asked[0].role == ProbeRole::Readiness ? asked[0] : asked[1], true);
  EXPECT_EQ(phase(), Phase::Running);
}

TEST_F(SupervisorTest, SilenceOfAProbeIsAFailure) {
  rpc::Assignment item = run(1);
  item.spec.liveness = probe(1);
  running(item);
  next();
  next();  // give_up_at
  EXPECT_EQ(only<SignalProcess>().size(), 1U);
}

TEST_F(SupervisorTest, AStalledAgentKillsNothing) {
  rpc::Assignment item = run(1);
  item.spec.liveness = probe(1);
  running(item);
  next();
  tick_at(supervisor->deadline() + 501ms);
  EXPECT_TRUE(only<SignalProcess>().empty());
  EXPECT_EQ(only<RunCheck>().size(), 1U) << "it is asked anew";
}

TEST_F(SupervisorTest, AnAnswerThatAStalledAgentReadsLateIsNoFailure) {
  for (const bool passed : {false, true}) {
    rpc::Assignment item = run(1);
    item.spec.liveness = probe(1);
    running(item);
    next();
    const RunCheck asked = only<RunCheck>()[0];
    now = supervisor->deadline() + 501ms;
    check(asked, passed);
    EXPECT_TRUE(only<SignalProcess>().empty());
    next();
    EXPECT_EQ(only<RunCheck>().size(), 1U) << "it is asked anew";
  }
}

TEST_F(SupervisorTest, AnAnswerAboutTheProcessBeforeCountsForNothing) {
  rpc::Assignment item = run(1);
  item.spec.liveness = probe(1);
  item.spec.liveness->timeout = 60s;
  item.spec.liveness->period = 60s;
  running(item);
  next();
  const RunCheck old = only<RunCheck>()[0];
  exited(100);
  next();
  started(1, 2, 101);
  next();
  ASSERT_EQ(only<RunCheck>().size(), 1U);
  check(old, false);
  EXPECT_TRUE(only<SignalProcess>().empty());
}

// --- adoption ---

TEST_F(SupervisorTest, WhatRunsIsAdoptedAtOnceAndUntouched) {
  begin({{{run(1), 100, 5, 3}, true}});
  ASSERT_EQ(only<WatchProcess>().size(), 1U);
  EXPECT_EQ(only<WatchProcess>()[0].pid, 100);
  EXPECT_EQ(status().restarts, 3U);
  EXPECT_EQ(phase(), Phase::Ready);
  assign({run(1)});
  EXPECT_TRUE(effects.empty());
}

TEST_F(SupervisorTest, ReadinessOfAnAdoptedProcessIsAskedAtOnceLivenessAfterItsDelay) {
  rpc::Assignment item = run(1);
  item.spec.liveness = probe(1);
  item.spec.readiness = probe(1);
  item.spec.liveness->initial_delay = 30s;
  item.spec.readiness->initial_delay = 30s;
  begin({{{item, 100, 5, 0}, true}});
  tick_at(now);
  ASSERT_EQ(only<RunCheck>().size(), 1U);
  EXPECT_EQ(only<RunCheck>()[0].role, ProbeRole::Readiness);
}

TEST_F(SupervisorTest, HowAnAdoptedProcessEndedIsUnknownSoItCountsAsAFailure) {
  rpc::Assignment item = run(1);
  item.spec.restart.when = RestartWhen::OnFailure;
  begin({{{item, 100, 5, 0}, true}});
  exited(100, false, "");
  EXPECT_EQ(phase(), Phase::Backoff);
}

TEST_F(SupervisorTest, WhatRunsNoMoreIsStartedOnlyWhenItIsStillWanted) {
  begin({{{run(1), 100, 5, 3}, false}, {{run(2), 200, 5, 0}, false}});
  EXPECT_TRUE(effects.empty()) << "nobody has said yet what is wanted";
  EXPECT_EQ(supervisor->deadline(), kNever);
  assign({run(1)});
  ASSERT_EQ(only<SaveInstance>().size(), 1U);
  EXPECT_EQ(only<SaveInstance>()[0].stored.restarts, 4U);
  ASSERT_EQ(only<ForgetStored>().size(), 1U);
  EXPECT_EQ(only<ForgetStored>()[0].instance, 2U);
}

TEST_F(SupervisorTest, WhatRunsNoMoreAndShallStopIsForgotten) {
  begin({{{run(1), 100, 5, 0}, false}});
  assign({run(1, Wanted::Stop)});
  ASSERT_EQ(only<StatusChanged>().size(), 1U);
  EXPECT_EQ(only<StatusChanged>()[0].status.phase, Phase::Stopped);
  EXPECT_EQ(only<ForgetStored>().size(), 1U);
}

TEST_F(SupervisorTest, AnAdoptedProcessThatIsNotWantedAnyMoreIsStopped) {
  begin({{{run(1), 100, 5, 0}, true}});
  assign({});
  EXPECT_EQ(only<SignalProcess>().size(), 1U);
}

TEST_F(SupervisorTest, ARegistrationSaysEverythingThatRuns) {
  running(run(1));
  ASSERT_EQ(supervisor->statuses().size(), 1U);
  EXPECT_EQ(supervisor->statuses()[0].pid, 100);
}

}  // namespace
}  // namespace muster::agent
