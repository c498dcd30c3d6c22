// Five production Nodes, virtual time: a cluster that heals itself.
#include <algorithm>

#include <gtest/gtest.h>

#include "world.h"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;

WorkloadSpec web(std::uint32_t replicas) {
  WorkloadSpec spec;
  spec.name = "web";
  spec.replicas = replicas;
  spec.command = {"web"};
  spec.port = 8080;
  spec.resources = {100, std::uint64_t{64} << 20};
  ProbeSpec readiness;
  readiness.period = 100ms;
  spec.readiness = readiness;
  return spec;
}

struct Cluster : testing::Test {
  void form(std::uint64_t seed, WorldOptions options = {}) {
    world = std::make_unique<World>(options, seed);
    world->start_all();
    ASSERT_TRUE(world->run_until(
        [&] {
          const auto state = world->state();
          return state && state->nodes.size() == options.nodes;
        },
        15s))
        << "seed " << seed;
  }
  void apply(std::uint32_t replicas) {
    const std::uint64_t request = world->write("n1", PutWorkload{web(replicas)});
    ASSERT_TRUE(world->run_until([&] { return world->write_result(request).has_value(); }, 5s));
    const Result<Outcome> result = *world->write_result(request);
    ASSERT_TRUE(result.has_value()) << result.error().text;
    ASSERT_TRUE(world->run_until([&] { return ready() == replicas; }, 5s));
  }
  std::uint32_t ready() const {
    const auto state = world->state();
    if (!state) return 0;
    return static_cast<std::uint32_t>(
        std::count_if(state->placements.begin(), state->placements.end(), [](const auto& entry) {
          return !entry.second.lost && entry.second.status.phase == Phase::Ready;
        }));
  }
  bool knows_as(NodeState wanted, const NodeName& node) const {
    const auto state = world->state();
    return state && state->nodes.contains(node) && state->nodes.at(node).state == wanted;
  }
  // A node that runs a copy and is (or is not) the coordinator.
  NodeName worker() const {
    for (const auto& [id, placement] : world->state()->placements) {
      if (placement.node != world->coordinator()) return placement.node;
    }
    return {};
  }
  void expect_calm() const {
    EXPECT_EQ(world->violation(), "");
    EXPECT_TRUE(world->halts().empty()) << world->halts().front();
  }

  std::unique_ptr<World> world;
};

TEST_F(Cluster, FormsAndRunsWhatIsApplied) {
  form(1);
  apply(3);
  EXPECT_EQ(world->processes("web").size(), 3U);
  expect_calm();
}

TEST_F(Cluster, MovesWorkFromADeadNodeInTime) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    form(seed);
    apply(3);
    const NodeName victim = worker();
    world->kill_node(victim);
    const Instant killed = world->now();
    ASSERT_TRUE(world->run_until([&] { return world->processes("web").size() == 3; }, 10s))
        << "seed " << seed;
    EXPECT_LT(seconds(world->now() - killed), 2.5) << "seed " << seed;
    ASSERT_TRUE(world->run_until([&] { return ready() == 3; }, 1s)) << "seed " << seed;
    EXPECT_TRUE(knows_as(NodeState::Failed, victim));
    expect_calm();
  }
}

TEST_F(Cluster, SurvivesTheCoordinatorAndAWorkerAtOnce) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    form(seed);
    apply(3);
    const NodeName coordinator = world->coordinator();
    const NodeName victim = coordinator == "n5" ? "n4" : "n5";
    world->kill_node(coordinator);
    world->kill_node(victim);
    const Instant killed = world->now();
    ASSERT_TRUE(world->run_until(
        [&] {
          return knows_as(NodeState::Failed, coordinator) && knows_as(NodeState::Failed, victim) &&
                 ready() == 3;
        },
        15s))
        << "seed " << seed;
    EXPECT_LT(seconds(world->now() - killed), 4.0) << "seed " << seed;
    EXPECT_EQ(world->processes("web").size(), 3U);
    expect_calm();
  }
}

TEST_F(Cluster, MovesNothingWhenOnlyTheAgentWasRestarted) {
  form(3);
  apply(3);
  std::vector<std::int64_t> before;
  for (const Process& process : world->processes("web")) before.push_back(process.pid);
  const NodeName victim = worker();
  world->kill_agent(victim);
  world->run_for(400ms);
  world->start(victim);
  world->run_for(20s);
  std::vector<std::int64_t> after;
  for (const Process& process : world->processes("web")) after.push_back(process.pid);
  EXPECT_EQ(before, after);
  EXPECT_EQ(ready(), 3U);
  expect_calm();
}

TEST_F(Cluster, KeepsTheWantedNumberWhenALostNodeComesBackAlive) {
  form(4);
  apply(3);
  const NodeName victim = worker();
  world->kill_agent(victim);  // its copy runs on unseen and is replaced
  ASSERT_TRUE(
      world->run_until([&] { return knows_as(NodeState::Failed, victim) && ready() == 3; }, 10s));
  world->start(victim);
  // At no moment are fewer than three running, and in the end there are three.
  for (int step = 0; step < 20'000; ++step) {
    world->run_for(1ms);
    ASSERT_GE(world->processes("web").size(), 3U);
  }
  EXPECT_EQ(world->processes("web").size(), 3U);
  EXPECT_EQ(ready(), 3U);
  EXPECT_EQ(world->state()->placements.size(), 3U);
  expect_calm();
}

TEST_F(Cluster, RestartsACopyThatDies) {
  form(5);
  apply(2);
  const auto placement = world->state()->placements.begin()->second;
  world->kill_process(placement.node, placement.status.pid);
  ASSERT_TRUE(world->run_until([&] { return ready() == 1; }, 2s));
  ASSERT_TRUE(world->run_until([&] { return ready() == 2; }, 15s));
  EXPECT_EQ(world->state()->placements.begin()->second.status.restarts, 1U);
  expect_calm();
}

TEST_F(Cluster, TellsOfADeadNodeAndThatItIsBack) {
  form(6);
  world->kill_node("n5");
  const auto told = [&](bool firing) {
    return std::any_of(
        world->delivered().begin(), world->delivered().end(), [&](const Delivered& delivered) {
          const auto& alerts = delivered.notification.alerts;
          return std::any_of(alerts.begin(), alerts.end(), [&](const auto& each) {
            return each.alert.labels.at("alertname") == "NodeFailed" && each.firing == firing;
          });
        });
  };
  ASSERT_TRUE(world->run_until([&] { return told(true); }, 10s));
  EXPECT_FALSE(told(false));
  world->start("n5");
  ASSERT_TRUE(world->run_until([&] { return told(false); }, 20s));
  expect_calm();
}

TEST_F(Cluster, RefusesWritesWithoutAQuorumAndStopsNothing) {
  form(7);
  apply(3);
  const std::size_t on_masters =
      world->processes_on("n1").size() + world->processes_on("n2").size();
  world->kill_node("n1");
  world->kill_node("n2");
  world->run_for(5s);
  EXPECT_EQ(world->coordinator(), "");
  EXPECT_EQ(world->processes("web").size(), 3 - on_masters);
  const std::uint64_t request = world->write("n3", PutWorkload{web(5)});
  ASSERT_TRUE(world->run_until([&] { return world->write_result(request).has_value(); }, 10s));
  ASSERT_FALSE(world->write_result(request)->has_value());
  EXPECT_EQ(world->write_result(request)->error().code, Code::Unavailable);
  world->start("n1");
  ASSERT_TRUE(world->run_until([&] { return ready() == 3; }, 20s));
  expect_calm();
}

TEST_F(Cluster, AMasterThatStartsAgainWithoutAQuorumGoesOnSayingSo) {
  form(9);
  const auto told = [&] {
    std::vector<std::pair<Instant, alerting::NotifiedAlert>> found;
    for (const Delivered& delivered : world->delivered()) {
      for (const auto& each : delivered.notification.alerts) {
        if (each.alert.labels.at("alertname") == "QuorumLost")
          found.emplace_back(delivered.at, each);
      }
    }
    return found;
  };
  world->kill_node("n1");
  world->kill_node("n2");
  ASSERT_TRUE(world->run_until([&] { return told().size() == 1; }, 10s));
  world->kill_node("n3");
  world->run_for(60s);
  world->start("n3");
  const Instant started = world->now();
  ASSERT_TRUE(world->run_until([&] { return told().size() == 2; }, 10s));
  EXPECT_LT(told()[1].first - started, 1s);
  EXPECT_EQ(told()[1].second.alert.starts_at, told()[0].second.alert.starts_at);
  world->start("n1");
  ASSERT_TRUE(world->run_until([&] { return told().size() == 3; }, 20s));
  EXPECT_FALSE(told()[2].second.firing);
  EXPECT_EQ(told()[2].second.alert.starts_at, told()[0].second.alert.starts_at);
  world->kill_node("n3");  // with a leader: there is nothing to go on with
  world->start("n3");
  world->start("n2");
  world->run_for(20s);
  EXPECT_EQ(told().size(), 3U);
  expect_calm();
}

TEST_F(Cluster, AMasterThatIsCutOffKnowsHowOldItsStateMayBe) {
  form(8);
  const auto age = [&](const NodeName& name) {
    const auto heard = world->node(name).leader_contact();
    return heard == kNever || !heard ? Duration::zero() : world->now() - *heard;
  };
  const NodeName coordinator = world->coordinator();
  const NodeName follower = coordinator == "n3" ? "n2" : "n3";
  EXPECT_EQ(world->node(coordinator).leader_contact(), kNever);
  EXPECT_EQ(world->node("n5").leader_contact(), std::nullopt);
  ASSERT_TRUE(world->node(follower).leader_contact().has_value());
  EXPECT_LT(age(follower), 300ms);  // a heartbeat comes every 150
  world->partition({follower});
  world->run_for(5s);
  EXPECT_GE(age(follower), 5s - 1ms);
  EXPECT_LE(age(follower), 5300ms);
  world->mend_partition({follower});
  ASSERT_TRUE(world->run_until([&] { return age(follower) < 200ms; }, 5s));
  expect_calm();
}

TEST_F(Cluster, AMasterThatIsTakenAwayIsAnAgentToEverybody) {
  form(9);
  ASSERT_TRUE(world->run_until([&] { return world->state()->masters.size() == 3; }, 5s));
  world->run_for(1s);
  const NodeName coordinator = world->coordinator();
  const NodeName former = coordinator == "n3" ? "n2" : "n3";
  const std::uint64_t request =
      world->change_masters(coordinator, rpc::MasterChange::Remove, former);
  ASSERT_TRUE(world->run_until([&] { return world->write_result(request).has_value(); }, 5s));
  const Result<Outcome> removed = *world->write_result(request);
  ASSERT_TRUE(removed.has_value()) << removed.error().text;
  const auto is_master_to = [&](const NodeName& observer) {
    return world->view(observer)->members->at(former).meta.master;
  };
  EXPECT_TRUE(world->run_until(
      [&] {
        return std::none_of(world->names().begin(), world->names().end(), is_master_to) &&
               world->state() && !world->state()->nodes.at(former).info.master &&
               !world->state()->masters.contains(former);
      },
      10s));
  EXPECT_EQ(world->node(former).master(), nullptr);
  // It is none that could be added before it was started as one again.
  const std::uint64_t again = world->change_masters(coordinator, rpc::MasterChange::Add, former);
  ASSERT_TRUE(world->run_until([&] { return world->write_result(again).has_value(); }, 5s));
  EXPECT_FALSE(world->write_result(again)->has_value());
  expect_calm();
}

TEST_F(Cluster, TheSameSeedGivesTheSameTrace) {
  const auto run = [&](std::uint64_t seed) {
    WorldOptions options;
    options.link.loss_percent = 5;
    form(seed, options);
    world->kill_node("n4");
    world->run_for(10s);
    return std::pair(world->trace_hash(), world->events());
  };
  EXPECT_EQ(run(42), run(42));
  EXPECT_NE(run(42), run(43));
}

}  // namespace
}  // namespace muster::sim
