#include "agent/electorate.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

Address at(const std::string& name) { return {"10.0.0." + name.substr(1), 7947}; }

raft::Server server(const std::string& name, bool voter = true) {
  return {master_id(name), at(name).text(), voter};
}

class Electorates : public ::testing::Test {
 protected:
  std::optional<ElectorateStep> step(std::set<MasterId> heard = {},
                                     std::set<MasterId> caught_up = {},
                                     std::map<NodeName, Candidate> candidates = {}) {
    electorate.update(state, servers);
    return electorate.next_step(state, heard, caught_up, candidates);
  }
  void name_all() {
    for (const auto& [name, address] : electorate.masters())
      state.masters[name] = {address, master_id(name)};
  }
  template <class Body>
  static const Body* command(const std::optional<ElectorateStep>& step) {
    const auto* body = step ? std::get_if<CommandBody>(&*step) : nullptr;
    return body == nullptr ? nullptr : std::get_if<Body>(body);
  }

  static bool is(raft::ChangeKind kind, const ElectorateStep& step) {
    const auto* one = std::get_if<ServerStep>(&step);
    return one != nullptr && one->change.kind == kind;
  }

  std::map<NodeName, Address> configured{{"n1", at("n1")}, {"n2", at("n2")}, {"n3", at("n3")}};
  Electorate electorate{configured, "n1"};
  ClusterState state;
  std::vector<raft::Server> servers{server("n1"), server("n2"), server("n3")};
};

TEST_F(Electorates, AMasterIsRememberedOnceItHasAcknowledgedSomething) {
  const auto own = step();
  ASSERT_NE(command<SetMaster>(own), nullptr);
  EXPECT_EQ(command<SetMaster>(own)->name, "n1");
  state.masters["n1"] = {at("n1"), master_id("n1")};
  EXPECT_FALSE(step());
  const auto other = step({master_id("n3")});
  ASSERT_NE(command<SetMaster>(other), nullptr);
  EXPECT_EQ(command<SetMaster>(other)->name, "n3");
}

TEST_F(Electorates, ACandidateIsNamedThenAddedThenPromotedWhenItHasCaughtUp) {
  (void)step();
  name_all();
  std::map<NodeName, Candidate> candidates{{"n4", {at("n4"), "b", master_id("n4"), false}}};
  EXPECT_FALSE(step({}, {}, candidates)) << "it may have been taken away, and not know it yet";
  candidates.at("n4").heeded = true;
  const auto named = step({}, {}, candidates);
  ASSERT_NE(command<SetMaster>(named), nullptr);
  EXPECT_EQ(command<SetMaster>(named)->name, "n4");
  state.masters["n4"] = {at("n4"), master_id("n4")};
  const auto added = step({}, {}, candidates);
  ASSERT_TRUE(added && is(raft::ChangeKind::Add, *added));
  EXPECT_FALSE(std::get<ServerStep>(*added).change.server.voter);
  servers.push_back(server("n4", false));
  EXPECT_FALSE(step({master_id("n4")}, {}, candidates));
  const auto promoted = step({master_id("n4")}, {master_id("n4")}, candidates);
  ASSERT_TRUE(promoted && is(raft::ChangeKind::Promote, *promoted));
  EXPECT_EQ(std::get<ServerStep>(*promoted).name, "n4");
  EXPECT_TRUE(electorate.changed());
  EXPECT_EQ(electorate.name_of(master_id("n4")), "n4");
}

TEST_F(Electorates, OneThatWasTakenAwayIsForgottenAndNotAddedAgainByTheSameProcess) {
  (void)step();
  name_all();
  servers.pop_back();
  electorate.retire("n3", "b");
  const std::map<NodeName, Candidate> same{{"n3", {at("n3"), "b", master_id("n3")}}};
  const std::map<NodeName, Candidate> restarted{{"n3", {at("n3"), "c", master_id("n3")}}};
  EXPECT_FALSE(step({}, {}, same));
  const auto again = step({}, {}, restarted);
  ASSERT_TRUE(again && is(raft::ChangeKind::Add, *again));
  const auto forgotten = step();
  ASSERT_NE(command<ForgetMaster>(forgotten), nullptr);
  EXPECT_EQ(command<ForgetMaster>(forgotten)->name, "n3");
}

TEST_F(Electorates, NoMoreThanSevenVote) {
  for (const char* name : {"n4", "n5", "n6", "n7"}) {
    state.masters[name] = {at(name), master_id(name)};
    servers.push_back(server(name));
  }
  (void)step();
  name_all();
  EXPECT_FALSE(step({}, {}, {{"n8", {at("n8"), "b", master_id("n8")}}}));
}

TEST_F(Electorates, AnIdIsThatOfALogSoWhoLostItsLogIsAnotherMaster) {
  (void)step();
  name_all();
  const MasterId fresh = master_id("n3", "boot");
  const std::map<NodeName, Candidate> emptied{{"n3", {at("n3"), "c", fresh}}};
  EXPECT_FALSE(step({}, {}, emptied)) << "with a vote it may have promised something";
  servers.back().voter = false;
  const auto dropped = step({}, {}, emptied);
  ASSERT_TRUE(dropped && is(raft::ChangeKind::Remove, *dropped));
  EXPECT_EQ(std::get<ServerStep>(*dropped).change.server, servers.back());
  servers.pop_back();
  const auto named = step({}, {}, emptied);
  ASSERT_NE(command<SetMaster>(named), nullptr);
  EXPECT_EQ(command<SetMaster>(named)->id, fresh);
  state.masters["n3"] = {at("n3"), fresh};
  const auto added = step({}, {}, emptied);
  ASSERT_TRUE(added && is(raft::ChangeKind::Add, *added));
  EXPECT_EQ(std::get<ServerStep>(*added).change.server.id, fresh);
  servers.push_back(std::get<ServerStep>(*added).change.server);
  EXPECT_FALSE(step({}, {}, emptied));
  EXPECT_EQ(electorate.id_of("n3"), fresh);
  EXPECT_EQ(electorate.name_of(fresh), "n3");
  EXPECT_EQ(electorate.name_of(master_id("n3")), "") << "whoever it was is nobody any more";
}

TEST_F(Electorates, OneThatTheStateDoesNotNameYetIsHeardUnlessAnotherHasItsId) {
  (void)step();
  name_all();
  const MasterId id = master_id("n4", "boot");
  EXPECT_TRUE(electorate.meet("n4", id, at("n4")));
  EXPECT_EQ(electorate.name_of(id), "n4");
  EXPECT_EQ(electorate.others().at("n4"), at("n4"));
  EXPECT_FALSE(electorate.contains("n4"));
  EXPECT_FALSE(electorate.meet("n5", id, at("n5"))) << "two masters with one id";
  EXPECT_FALSE(electorate.meet("n5", master_id("n2"), at("n5")));
  EXPECT_TRUE(electorate.meet("n2", master_id("n2"), at("n2")));
  servers.push_back({id, at("n4").text(), false});
  (void)step();
  EXPECT_TRUE(electorate.contains("n4")) << "consensus knows it before the state has its name";
}

TEST_F(Electorates, WhoJoinsKnowsTheConfiguredOnesAndLearnsOthersFromMembership) {
  Electorate joining({{"n1", at("n1")}}, "n9");
  EXPECT_TRUE(joining.contains("n1"));
  EXPECT_FALSE(joining.contains("n2"));
  EXPECT_TRUE(joining.meet("n2", master_id("n2"), at("n2")));
  EXPECT_EQ(joining.others().at("n2"), at("n2"));
  EXPECT_FALSE(joining.changed());
}

}  // namespace
}  // namespace muster::agent
