#include "agent/coordinator.h"

#include "coordinator_fixture.h"

namespace muster::agent {
namespace {

// --- who is asked ---

TEST_F(CoordinatorTest, EveryMasterSaysWhoLeadsAndSaysItAgainWhenThatChanges) {
  coordinator.on_leader("n3", {"10.0.0.3", 7947}, 4);
  coordinator.on_agent(2, "n2", now);
  take();
  ASSERT_EQ(sent<rpc::HelloReply>(2).size(), 1U);
  EXPECT_EQ(sent<rpc::HelloReply>(2)[0].coordinator, "n3");
  EXPECT_EQ(sent<rpc::HelloReply>(2)[0].coordinator_rpc, (Address{"10.0.0.3", 7947}));
  EXPECT_FALSE(sent<rpc::HelloReply>(2)[0].here);
  coordinator.on_leader("n3", {"10.0.0.3", 7947}, 4);
  take();
  EXPECT_EQ(sent<rpc::HelloReply>(2).size(), 1U) << "nothing changed";
  coordinator.on_leader("", {}, 5);
  begin(6);
  const auto replies = sent<rpc::HelloReply>(2);
  ASSERT_EQ(replies.size(), 3U);
  EXPECT_EQ(replies[1].coordinator, "");
  EXPECT_TRUE(replies[2].here);
  EXPECT_EQ(replies[2].term, 6U);
}

TEST_F(CoordinatorTest, SteppingDownIsSaidToEveryAgentAndEndsTheirRegistrations) {
  with_web();
  effects.clear();
  coordinator.end();
  take();
  ASSERT_EQ(sent<rpc::HelloReply>(2).size(), 1U);
  EXPECT_FALSE(sent<rpc::HelloReply>(2)[0].here);
  effects.clear();
  coordinator.on_heartbeat(2, {1, 1}, now);
  coordinator.on_state(state);
  EXPECT_FALSE(step().has_value());
  EXPECT_TRUE(effects.empty());
  EXPECT_EQ(coordinator.deadline(), kNever);
  begin(2);
  EXPECT_TRUE(sent<rpc::Assignments>(2).empty()) << "it has not registered again";
}

TEST_F(CoordinatorTest, AMasterThatIsNotTheCoordinatorRegistersNobody) {
  connect(2, "n2");
  effects.clear();
  coordinator.on_heartbeat(2, {1, 1}, now);
  coordinator.on_status(2, {{status(1, Phase::Ready)}}, now);
  take();
  EXPECT_TRUE(effects.empty());
  EXPECT_FALSE(step().has_value());
}

// --- batches ---

TEST_F(CoordinatorTest, TheElectionIsTheFirstCommand) {
  begin(3);
  const auto batch = step();
  ASSERT_TRUE(batch);
  ASSERT_EQ(within<CoordinatorElected>(*batch).size(), 1U);
  EXPECT_EQ(within<CoordinatorElected>(*batch)[0].term, 3U);
  commit(*batch);
  EXPECT_FALSE(step().has_value()) << "it is said once";
}

TEST_F(CoordinatorTest, OneBatchIsInFlightAtATime) {
  begin();
  const auto first = step();
  ASSERT_TRUE(first);
  see("n2");
  connect(2, "n2");
  EXPECT_FALSE(step().has_value());
  coordinator.on_batch_done(first->batch + 1);
  EXPECT_FALSE(step().has_value()) << "that was another batch";
  commit(*first);
  const auto second = step();
  ASSERT_TRUE(second);
  EXPECT_EQ(within<NodeUp>(*second).size(), 1U);
}

TEST_F(CoordinatorTest, NotesAreProposedOnce) {
  begin();
  settle();
  coordinator.note(AlertFiring{"f", {}});
  const auto batch = step();
  ASSERT_TRUE(batch);
  EXPECT_EQ(within<AlertFiring>(*batch).size(), 1U);
  commit(*batch);
  EXPECT_FALSE(step().has_value());
}

// Leadership is being handed over: the engine says no to everything for a while.
TEST_F(CoordinatorTest, ABatchThatIsNotTakenIsProposedAgainButNotInABusyLoop) {
  begin();
  see("n2");
  connect(2, "n2");
  coordinator.note(AlertFiring{"f", {}});
  for (int refusals = 0; refusals < 3; ++refusals) {
    const auto batch = step();
    ASSERT_TRUE(batch);
    EXPECT_EQ(within<CoordinatorElected>(*batch).size(), 1U);
    EXPECT_EQ(within<NodeUp>(*batch).size(), 1U);
    EXPECT_EQ(within<AlertFiring>(*batch).size(), 1U);
    coordinator.on_batch_failed(batch->batch);
    coordinator.on_batch_done(batch->batch);
    coordinator.on_state(state);
    EXPECT_FALSE(step().has_value());
    EXPECT_TRUE(sent<rpc::Assignments>(2).empty()) << "it was not admitted";
    EXPECT_EQ(coordinator.deadline(), now + options.retry);
    now += options.retry;
  }
  settle();
  EXPECT_TRUE(state.nodes.contains("n2"));
  EXPECT_TRUE(state.alerts.contains("f"));
}

// --- registrations ---

TEST_F(CoordinatorTest, NoAssignmentsBeforeTheRegistrationIsCommitted) {
  with_web();
  coordinator.on_closed(2);
  connect(4, "n2");  // restarted: it runs nothing
  coordinator.on_state(state);
  take();
  EXPECT_TRUE(sent<rpc::Assignments>(4).empty());
  rpc::Register again = registration("n2");
  again.info.boot = "boot-2";
  coordinator.on_register(4, again, now);
  const auto batch = step();
  ASSERT_TRUE(batch);
  coordinator.on_state(state);  // something else was committed meanwhile
  take();
  EXPECT_TRUE(sent<rpc::Assignments>(4).empty());
  commit(*batch);
  ASSERT_EQ(sent<rpc::Assignments>(4).size(), 1U);
  EXPECT_EQ(sent<rpc::Assignments>(4)[0].items.size(), 1U);
  EXPECT_EQ(sent<rpc::Assignments>(4)[0].epoch, 1U);
}

TEST_F(CoordinatorTest, ARegistrationThatSaysNothingNewIsAnsweredWithoutACommit) {
  with_web();
  coordinator.on_closed(2);
  connect(4, "n2", {state.placements.at(1).status});
  EXPECT_FALSE(step().has_value());
  EXPECT_EQ(sent<rpc::Assignments>(4).size(), 1U);
}

TEST_F(CoordinatorTest, ANodeIsTakenInOnlyWhenMembershipSeesItAlive) {
  begin();
  settle();
  connect(2, "n2");
  EXPECT_FALSE(step().has_value());
  see("n2", MemberState::Failed);
  EXPECT_FALSE(step().has_value());
  see("n2", MemberState::Alive);
  const auto batch = step();
  ASSERT_TRUE(batch);
  EXPECT_EQ(within<NodeUp>(*batch).size(), 1U);
}

TEST_F(CoordinatorTest, TheCoordinatorsOwnAgentNeedsNoSighting) {
  begin();
  connect(2, "n1");
  settle();
  EXPECT_TRUE(state.nodes.contains("n1"));
}

TEST_F(CoordinatorTest, AssignmentsAreSentAgainOnlyWhenTheyChange) {
  with_web();
  effects.clear();
  coordinator.on_state(state);
  take();
  EXPECT_TRUE(sent<rpc::Assignments>(2).empty());
}

TEST_F(CoordinatorTest, ANodeThatFailedWhileItsStreamLivesIsTakenInAgainWithWhatItRuns) {
  with_web();
  see("n2", MemberState::Failed);
  const auto failed = step();
  ASSERT_TRUE(failed);
  EXPECT_EQ(within<NodeFailed>(*failed).size(), 1U);
  commit(*failed);
  EXPECT_TRUE(sent<rpc::Assignments>(2).empty()) << "a failed node is told nothing";
  settle();
  see("n2", MemberState::Alive);
  const auto back = step();
  ASSERT_TRUE(back);
  EXPECT_EQ(within<NodeUp>(*back).size(), 1U);
  EXPECT_EQ(within<KeepInstance>(*back).size(), 1U);
  commit(*back);
  ASSERT_EQ(sent<rpc::Assignments>(2).size(), 1U);
  EXPECT_EQ(sent<rpc::Assignments>(2)[0].items.size(), 1U);
}

TEST_F(CoordinatorTest, ANameThatIsInUseAtAnotherAddressIsRefused) {
  with_web();
  effects.clear();
  rpc::Register other = registration("n2");
  other.info.rpc = {"elsewhere", 7947};
  coordinator.on_agent(4, "n2", now);
  coordinator.on_register(4, other, now);
  take();
  const auto replies = sent<rpc::HelloReply>(4);
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_TRUE(replies[1].refused);
  EXPECT_NE(replies[1].why.find("n2.example:7947"), std::string::npos);
  ASSERT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<CloseStream>()[0].stream, 4U);
  EXPECT_EQ(coordinator.agents(), 1U);
}

// A host without power resets nothing, so its stream outlives it.
TEST_F(CoordinatorTest, TheNameOfANodeThatWasGivenUpIsFreeWhileItsStreamSaysNothing) {
  rpc::Register other = registration("n2");
  other.info.rpc = {"elsewhere", 7947};
  for (const bool speaks : {true, false}) {
    coordinator.end();
    with_web();
    see("n2", MemberState::Failed);
    see("n2");  // the new one is seen before it registers
    if (speaks) coordinator.on_heartbeat(2, {1, 1}, now);
    take();
    effects.clear();
    coordinator.on_agent(4, "n2", now);
    coordinator.on_register(4, other, now);
    take();
    ASSERT_EQ(only<CloseStream>().size(), 1U);
    EXPECT_EQ(only<CloseStream>()[0].stream, speaks ? 4U : 2U);
  }
}

TEST_F(CoordinatorTest, ANewStreamOfTheSameAgentReplacesTheOld) {
  with_web();
  effects.clear();
  connect(4, "n2");
  ASSERT_EQ(only<CloseStream>().size(), 1U);
  EXPECT_EQ(only<CloseStream>()[0].stream, 2U);
  EXPECT_EQ(coordinator.agents(), 1U);
}

TEST_F(CoordinatorTest, TheNameOfTheHelloCountsAndNotThatOfTheRegistration) {
  with_web();
  effects.clear();
  see("n3");
  coordinator.on_agent(4, "n3", now);
  coordinator.on_register(4, registration("n2"), now);  // n3 claims to be n2
  take();
  EXPECT_TRUE(only<CloseStream>().empty()) << "n2 keeps its stream";
  settle();
  EXPECT_TRUE(state.nodes.contains("n3"));
  EXPECT_EQ(state.nodes.at("n2").info.rpc.host, "n2.example");
}

TEST_F(CoordinatorTest, ANodeSpeaksForItsOwnCopiesOnly) {
  with_web();
  see("n3");
  connect(4, "n3");
  settle();
  coordinator.on_status(4, {{status(1, Phase::Backoff)}}, now);
  settle();
  EXPECT_EQ(state.placements.at(1).status.phase, Phase::Ready);
}

TEST_F(CoordinatorTest, AReportOfAnOldStreamDoesNotOutliveANewRegistration) {
  with_web();
  coordinator.note(AlertFiring{"f", {}});
  const auto batch = step();  // holds everything up
  ASSERT_TRUE(batch);
  coordinator.on_status(2, {{status(1, Phase::Running)}}, now);
  coordinator.on_closed(2);
  connect(4, "n2", {status(1, Phase::Ready)});
  commit(*batch);
  settle();
  EXPECT_EQ(state.placements.at(1).status.phase, Phase::Ready);
}

TEST_F(CoordinatorTest, ReportsOfUnknownCopiesAreNoCommands) {
  with_web();
  coordinator.on_status(2, {{status(99, Phase::Ready)}}, now);
  EXPECT_FALSE(step().has_value());
}

TEST_F(CoordinatorTest, OnlyARegisteredStreamIsAHintWhenItBreaks) {
  with_web();
  coordinator.on_agent(4, "n3", now);
  EXPECT_EQ(coordinator.on_closed(4), "");
  EXPECT_EQ(coordinator.on_closed(2), "n2");
  EXPECT_EQ(coordinator.on_closed(2), "");
}

TEST_F(CoordinatorTest, ACandidateHasHeardWhoTheMastersAreSinceItRegistered) {
  begin();
  rpc::Facts facts;
  facts.revision = 7;
  coordinator.set_facts(facts);
  rpc::Register one = registration("n2");
  one.info.master = true;
  coordinator.on_agent(2, "n2", now);
  coordinator.on_register(2, one, now);
  const auto heeded = [&] { return coordinator.candidates().at("n2").heeded; };
  EXPECT_FALSE(heeded());
  EXPECT_TRUE(coordinator.on_facts_installed(2, {6, 0, "", "", ""}));  // what it was told before
  EXPECT_FALSE(heeded());
  EXPECT_TRUE(coordinator.on_facts_installed(2, {7, 0, "", "", ""}));
  EXPECT_TRUE(heeded());
  coordinator.on_register(2, one, now);
  EXPECT_FALSE(heeded());
  one.info.master = false;
  coordinator.on_register(2, one, now);
  EXPECT_FALSE(coordinator.on_facts_installed(2, {7, 0, "", "", ""}));
}

TEST_F(CoordinatorTest, CandidatesAreTheMastersThatAreRegisteredNow) {
  begin();
  const auto enter = [&](StreamId stream, const NodeName& name, bool master) {
    rpc::Register one = registration(name);
    one.info.master = master;
    coordinator.on_agent(stream, name, now);
    coordinator.on_register(stream, one, now);
  };
  const auto names = [&] {
    std::string text;
    for (const auto& [name, candidate] : coordinator.candidates()) text += name + " ";
    std::string told;
    for (const auto& [name, vital] : coordinator.vitals()) told += name + " ";
    EXPECT_EQ(told, text);
    return text;
  };
  enter(2, "n2", true);
  enter(3, "n3", true);
  enter(4, "n4", false);
  coordinator.on_agent(5, "n5", now);
  EXPECT_EQ(names(), "n2 n3 ");
  enter(6, "n2", true);  // again, on a newer stream
  EXPECT_EQ(names(), "n2 n3 ");
  coordinator.on_closed(2);  // the older one, late
  EXPECT_EQ(names(), "n2 n3 ");
  enter(7, "n3", false);  // set up as an agent only
  EXPECT_EQ(names(), "n2 ");
  enter(4, "n4", true);
  EXPECT_EQ(names(), "n2 n4 ");
  coordinator.on_closed(6);
  EXPECT_EQ(names(), "n4 ");
  now += options.silence_max;
  step();
  EXPECT_EQ(names(), "");
  enter(8, "n2", true);
  EXPECT_EQ(names(), "n2 ");
  coordinator.end();
  EXPECT_EQ(names(), "");
}

}  // namespace
}  // namespace muster::agent
