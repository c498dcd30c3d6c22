#include "state_fixture.h"

namespace muster::failover {
namespace {

struct EveryNodeTest : StateTest {
  WorkloadSpec agent(const std::string& version) {
    WorkloadSpec made = spec("agent", 1);
    made.on_every_node = true;
    made.port = 9100;
    made.env = {{"V", version}};
    return made;
  }
};

TEST_F(EveryNodeTest, EveryAliveNodeThatMayHasOneCopy) {
  node("n1");
  node("n2");
  node("n3", "a", {0, 0});
  ASSERT_TRUE(put(PutWorkload{agent("1")}));
  settle();
  ASSERT_EQ(copies("agent").size(), 2U);
  node("n4");
  settle();
  EXPECT_EQ(copies("agent").size(), 3U);
  EXPECT_EQ(node_of(copies("agent").back()), "n4");
  EXPECT_TRUE(state.unplaceable.empty());
}

TEST_F(EveryNodeTest, ALostCopyIsNotMovedToAnotherNode) {
  node("n1");
  node("n2");
  ASSERT_TRUE(put(PutWorkload{agent("1")}));
  settle();
  ASSERT_TRUE(put(NodeFailed{"n1", ""}));
  EXPECT_TRUE(step().empty());
  node("n1");
  ASSERT_TRUE(put(KeepInstance{1}));
  EXPECT_TRUE(step().empty());
  EXPECT_EQ(copies("agent").size(), 2U);
}

TEST_F(EveryNodeTest, ASecondCopyOnANodeIsStopped) {
  node("n1");
  WorkloadSpec web = spec("web", 2);
  ASSERT_TRUE(put(PutWorkload{web}));
  settle();
  state.workloads["web"].spec.on_every_node = true;
  const auto stopped = only<StopInstance>(step());
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(stopped[0].instance, 2U);
}

TEST_F(EveryNodeTest, ARollOutGoesFromNodeToNode) {
  for (const char* name : {"n1", "n2", "n3"}) node(name);
  ASSERT_TRUE(put(PutWorkload{agent("1")}));
  settle();
  ASSERT_TRUE(put(PutWorkload{agent("2")}));
  roll_out("agent", 2);
  EXPECT_TRUE(all_current("agent"));
  EXPECT_EQ(copies("agent").size(), 3U);
}

TEST_F(EveryNodeTest, ARollOutStopsAtACopyThatDoesNotWork) {
  for (const char* name : {"n1", "n2", "n3"}) node(name);
  ASSERT_TRUE(put(PutWorkload{agent("1")}));
  settle();
  ASSERT_TRUE(put(PutWorkload{agent("broken")}));
  step();
  agents_obey();
  step();
  const InstanceId broken = copies("agent").back();
  for (int round = 0; round < 5; ++round) {
    report(broken, Phase::Backoff);
    EXPECT_TRUE(step().empty());
  }
  EXPECT_EQ(ready("agent"), 2U);
}

TEST_F(EveryNodeTest, ItIsUnplaceableOnlyWhenNoNodeRunsIt) {
  node("n1", "a", {0, 0});
  ASSERT_TRUE(put(PutWorkload{agent("1")}));
  step();
  EXPECT_TRUE(state.unplaceable.contains("agent"));
  EXPECT_TRUE(step().empty());
  node("n2");
  step();
  EXPECT_TRUE(state.unplaceable.empty());
}

}  // namespace
}  // namespace muster::failover
