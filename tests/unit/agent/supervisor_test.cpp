#include "agent/supervisor.h"

#include "supervisor_fixture.h"

namespace muster::agent {
namespace {

// --- starting ---

TEST_F(SupervisorTest, ACopyIsSavedBeforeItIsStartedAndItsProcessAfter) {
  begin();
  assign({run(1)});
  ASSERT_EQ(only<SaveInstance>().size(), 1U);
  EXPECT_EQ(only<SaveInstance>()[0].stored.pid, 0);
  EXPECT_TRUE(only<StartProcess>().empty());
  saved(1);
  ASSERT_EQ(only<StartProcess>().size(), 1U);
  EXPECT_EQ(only<StartProcess>()[0].env.at("MUSTER_TOKEN"), "71");
  EXPECT_EQ(only<StartProcess>()[0].env.at("MUSTER_PORT"), "8080");
  started(1, 1, 100);
  ASSERT_EQ(only<SaveInstance>().size(), 1U);
  EXPECT_EQ(only<SaveInstance>()[0].stored.pid, 100);
  EXPECT_EQ(only<SaveInstance>()[0].stored.start_time, 5U);
  EXPECT_EQ(phase(), Phase::Ready) << "without a readiness probe";
}

TEST_F(SupervisorTest, WhatCannotBeSavedIsNotStartedAndIsTriedAgain) {
  begin();
  assign({run(1)});
  for (int attempt = 0; attempt < 3; ++attempt) {
    saved(1, fail(Code::Exhausted, "disk full"));
    EXPECT_TRUE(only<StartProcess>().empty());
    EXPECT_EQ(phase(), Phase::Backoff);
    EXPECT_EQ(status().why, "not started: disk full");
    EXPECT_TRUE(supervisor->unsaved());
    tick_at(now + 1s);
    EXPECT_EQ(only<SaveInstance>().size(), 1U);
  }
  saved(1);
  EXPECT_EQ(only<StartProcess>().size(), 1U);
  EXPECT_FALSE(supervisor->unsaved());
}

TEST_F(SupervisorTest, APidThatCannotBeSavedIsSavedLaterWhileItRuns) {
  running(run(1));
  saved(1, fail(Code::Exhausted, "disk full"));
  EXPECT_EQ(phase(), Phase::Ready);
  EXPECT_TRUE(supervisor->unsaved());
  tick_at(now + 1s);
  ASSERT_EQ(only<SaveInstance>().size(), 1U);
  EXPECT_EQ(only<SaveInstance>()[0].stored.pid, 100);
}

TEST_F(SupervisorTest, AWorkloadThatCannotRunHereIsRefusedAndTriedAgainRarely) {
  begin();
  assign({run(1)});
  saved(1);
  supervisor->on_start_failed(1, 1, {Code::NotFound, "no command /bin/web"}, now);
  EXPECT_EQ(phase(), Phase::Refused);
  EXPECT_EQ(status().why, "no command /bin/web");
  EXPECT_EQ(supervisor->deadline(), now + 300s);
  next();
  EXPECT_EQ(only<StartProcess>().size(), 1U);
  EXPECT_EQ(status().restarts, 1U);
}

TEST_F(SupervisorTest, AMachineThatCannotStartAnythingNowIsAskedAgainSoon) {
  begin();
  assign({run(1)});
  saved(1);
  supervisor->on_start_failed(1, 1, {Code::Exhausted, "no process left"}, now);
  EXPECT_EQ(phase(), Phase::Backoff);
  EXPECT_EQ(supervisor->deadline(), now + 10s);
}

TEST_F(SupervisorTest, TheSameListAgainChangesNothing) {
  running(run(1));
  assign({run(1)});
  EXPECT_TRUE(effects.empty());
}

TEST_F(SupervisorTest, AnswersToOldAttemptsAreIgnored) {
  running(run(1));
  started(1, 1, 101);
  started(1, 0, 102);
  supervisor->on_start_failed(1, 1, {Code::NotFound, "late"}, now);
  EXPECT_EQ(status().pid, 100);
  EXPECT_EQ(phase(), Phase::Ready);
  exited(99);
  EXPECT_EQ(phase(), Phase::Ready);
}

// --- ending and starting again ---

TEST_F(SupervisorTest, RestartsWithABackOffThatDoublesUpToItsCap) {
  running(run(1));
  std::int64_t pid = 100;
  std::uint64_t attempt = 1;
  for (const Duration wanted : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
    exited(pid);
    EXPECT_EQ(phase(), Phase::Backoff);
    EXPECT_EQ(status().why, "exit 1");
    EXPECT_EQ(supervisor->deadline(), now + wanted);
    next();
    ASSERT_EQ(only<StartProcess>().size(), 1U);
    EXPECT_EQ(only<StartProcess>()[0].attempt, ++attempt);
    started(1, attempt, ++pid);
  }
  EXPECT_EQ(status().restarts, 7U);
  now += 600s;  // twice the cap of running: all is forgiven
  exited(pid);
  EXPECT_EQ(supervisor->deadline(), now + 10s);
}

TEST_F(SupervisorTest, DoneIsNotStartedAgain) {
  rpc::Assignment job = run(1);
  job.spec.restart.when = RestartWhen::OnFailure;
  running(job);
  exited(100, false, "exit 0");
  EXPECT_EQ(phase(), Phase::Done);
  EXPECT_EQ(supervisor->deadline(), kNever);
  assign({job});
  EXPECT_TRUE(only<StartProcess>().empty());
  EXPECT_TRUE(supervisor->idle());
}

TEST_F(SupervisorTest, AFailedJobThatMayFailIsDoneToo) {
  rpc::Assignment job = run(1);
  job.spec.restart.when = RestartWhen::Never;
  running(job);
  exited(100);
  EXPECT_EQ(phase(), Phase::Done);
}

// --- stopping ---

TEST_F(SupervisorTest, AStopIsATerminateAGraceAndThenKillsUntilItIsGone) {
  running(run(1));
  assign({run(1, Wanted::Stop)});
  ASSERT_EQ(only<SignalProcess>().size(), 1U);
  EXPECT_EQ(only<SignalProcess>()[0].signal, Signal::Terminate);
  EXPECT_EQ(phase(), Phase::Stopping);
  EXPECT_EQ(supervisor->deadline(), now + 5s);
  for (int kills = 0; kills < 3; ++kills) {
    next();
    ASSERT_EQ(only<SignalProcess>().size(), 1U);
    EXPECT_EQ(only<SignalProcess>()[0].signal, Signal::Kill);
  }
  exited(100, true, "signal 9");
  EXPECT_EQ(phase(), Phase::Stopped);
  EXPECT_EQ(supervisor->deadline(), kNever);
  assign({});
  EXPECT_TRUE(supervisor->instances().empty());
  EXPECT_EQ(only<ForgetStored>().size(), 1U);
}

TEST_F(SupervisorTest, ARepeatedStopDoesNotProlongTheGrace) {
  running(run(1));
  assign({run(1, Wanted::Stop)});
  const Instant due = supervisor->deadline();
  now += 1s;
  assign({run(1, Wanted::Stop)});
  EXPECT_TRUE(only<SignalProcess>().empty());
  EXPECT_EQ(supervisor->deadline(), due);
}

TEST_F(SupervisorTest, StoppedWhileItIsSavedItIsNeverStarted) {
  begin();
  assign({run(1)});
  assign({});
  saved(1);
  EXPECT_TRUE(only<StartProcess>().empty());
  EXPECT_TRUE(supervisor->instances().empty());
  EXPECT_EQ(only<ForgetStored>().size(), 1U);
}

TEST_F(SupervisorTest, StoppedWhileItStartsItIsEndedAsSoonAsItRuns) {
  begin();
  assign({run(1)});
  saved(1);
  assign({run(1, Wanted::Stop)});
  EXPECT_TRUE(only<SignalProcess>().empty());
  started(1, 1, 100);
  ASSERT_EQ(only<SignalProcess>().size(), 1U);
  EXPECT_EQ(only<SignalProcess>()[0].pid, 100);
  EXPECT_EQ(phase(), Phase::Stopping);
  exited(100);
  EXPECT_EQ(phase(), Phase::Stopped);
}

TEST_F(SupervisorTest, StoppedWhileItStartsAfterAFailedSaveNothingIsLeftRunning) {
  running(run(1));
  exited(100);
  next();  // attempt 2 is on its way
  saved(1, fail(Code::Exhausted, "disk full"));
  assign({});
  ASSERT_FALSE(supervisor->instances().empty()) << "it may come to run any moment";
  started(1, 2, 101);
  ASSERT_EQ(only<SignalProcess>().size(), 1U);
  EXPECT_EQ(only<SignalProcess>()[0].pid, 101);
}

TEST_F(SupervisorTest, StoppedDuringItsBackOffItIsOverAtOnce) {
  running(run(1));
  exited(100);
  assign({run(1, Wanted::Stop)});
  EXPECT_EQ(phase(), Phase::Stopped);
  EXPECT_EQ(supervisor->deadline(), kNever);
}

TEST_F(SupervisorTest, WhatTheListDoesNotHaveIsStoppedAndSwept) {
  running(run(1));
  assign({});
  EXPECT_EQ(only<SignalProcess>().size(), 1U);
  EXPECT_TRUE(only<ForgetStored>().empty()) << "it still runs";
  exited(100);
  EXPECT_EQ(only<ForgetStored>().size(), 1U);
  EXPECT_TRUE(supervisor->instances().empty());
}

TEST_F(SupervisorTest, AStopOfWhatDoesNotRunHereIsAnsweredEachTime) {
  begin();
  for (int again = 0; again < 2; ++again) {
    assign({run(1, Wanted::Stop)});
    ASSERT_EQ(only<StatusChanged>().size(), 1U);
    EXPECT_EQ(only<StatusChanged>()[0].status.phase, Phase::Stopped);
  }
}

TEST_F(SupervisorTest, ACoordinatorThatWasReplacedStopsNothing) {
  begin();
  assign({run(1)}, 7);
  saved(1);
  started(1, 1, 100);
  assign({}, 6);
  EXPECT_EQ(phase(), Phase::Ready);
  assign({run(1)}, 7);
  EXPECT_TRUE(only<SignalProcess>().empty());
  assign({}, 8);
  EXPECT_EQ(only<SignalProcess>().size(), 1U);
}

TEST_F(SupervisorTest, LeavingStopsEverything) {
  begin();
  assign({run(1), run(2)});
  saved(1);
  started(1, 1, 100);
  saved(2);
  started(2, 1, 200);
  EXPECT_FALSE(supervisor->idle());
  supervisor->stop_all(now);
  take();
  EXPECT_EQ(only<SignalProcess>().size(), 2U);
  supervisor->on_exited(1, 100, false, "exit 0", now);
  supervisor->on_exited(2, 200, false, "exit 0", now);
  EXPECT_TRUE(supervisor->idle());
}

}  // namespace
}  // namespace muster::agent
