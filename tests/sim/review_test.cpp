// What a running cluster does with bad commands, and with a workload that only grows.
#include <algorithm>
#include <set>

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
  return spec;
}

struct Reviewed : testing::Test {
  void SetUp() override {
    world.start_all();
    ASSERT_TRUE(world.run_until(
        [&] {
          const auto state = world.state();
          return state && state->nodes.size() == WorldOptions{}.nodes;
        },
        15s));
  }
  Result<Outcome> write(const NodeName& node, CommandBody body) {
    const std::uint64_t request = world.write(node, std::move(body));
    EXPECT_TRUE(world.run_until([&] { return world.write_result(request).has_value(); }, 5s));
    return world.write_result(request).value_or(fail(Code::Internal, "no answer"));
  }
  std::set<std::int64_t> pids() const {
    std::set<std::int64_t> all;
    for (const Process& process : world.processes("web")) all.insert(process.pid);
    return all;
  }

  World world{{}, 11};
};

// An agent's API checks what it is given, but a stream may come from something else.
TEST_F(Reviewed, MastersRefuseAWorkloadThatNobodyChecked) {
  WorkloadSpec wrong = web(0);
  wrong.command.clear();
  for (const char* node : {"n1", "n2", "n5"}) {
    const Result<Outcome> result = write(node, PutWorkload{wrong});
    ASSERT_FALSE(result.has_value()) << node;
    EXPECT_EQ(result.error().code, Code::InvalidArgument) << node;
  }
  EXPECT_TRUE(world.state()->workloads.empty());
}

TEST_F(Reviewed, MoreOrFewerReplicasLeaveTheOtherCopiesAlone) {
  ASSERT_TRUE(write("n1", PutWorkload{web(3)}).has_value());
  ASSERT_TRUE(world.run_until([&] { return pids().size() == 3; }, 5s));
  world.run_for(1s);
  const std::set<std::int64_t> three = pids();
  ASSERT_TRUE(write("n1", PutWorkload{web(5)}).has_value());
  world.run_for(5s);
  const std::set<std::int64_t> five = pids();
  EXPECT_EQ(five.size(), 5U);
  EXPECT_TRUE(std::includes(five.begin(), five.end(), three.begin(), three.end()));
  ASSERT_TRUE(write("n1", PutWorkload{web(2)}).has_value());
  world.run_for(5s);
  const std::set<std::int64_t> two = pids();
  EXPECT_EQ(two.size(), 2U);
  EXPECT_TRUE(std::includes(five.begin(), five.end(), two.begin(), two.end()));
}

}  // namespace
}  // namespace muster::sim
