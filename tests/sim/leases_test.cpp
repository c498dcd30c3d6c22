// Named leases in a cluster of production Nodes, virtual time: who may hold one, and until when.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "world.h"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDriftAndCommit = 300ms;  // of a lease of some seconds

struct Leases : testing::Test {
  void form(std::uint64_t seed) {
    world = std::make_unique<World>(WorldOptions{}, seed);
    world->start_all();
    ASSERT_TRUE(world->run_until(
        [&] {
          const auto state = world->state();
          return state && state->nodes.size() == world->names().size();
        },
        15s));
  }
  // Asked of an agent that is no master.
  Result<Outcome> ask(CommandBody body) {
    const std::uint64_t request = world->write("n5", std::move(body));
    EXPECT_TRUE(world->run_until([&] { return world->write_result(request).has_value(); }, 5s));
    return world->write_result(request).value_or(fail(Code::Timeout, "no answer"));
  }
  Result<Outcome> take(const std::string& holder, std::uint32_t ttl_ms) {
    return ask(GrantLease{"db", holder, ttl_ms});
  }
  bool held() const {
    const auto state = world->state();
    return state && state->leases.contains("db");
  }
  // Until when it is held from now on, as the coordinator has it; nothing is held after `limit`.
  Instant end_within(Duration limit) {
    EXPECT_TRUE(world->run_until([&] { return world->state() && !held(); }, limit));
    return world->now();
  }

  std::unique_ptr<World> world;
};

TEST_F(Leases, OneThatIsNotRenewedIsFreeForAnotherAfterItsTime) {
  form(1);
  const auto first = take("a", 3000);
  ASSERT_TRUE(first.has_value()) << first.error().text;
  const Instant granted = world->now();
  const auto refused = take("b", 3000);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::Conflict);
  const Instant over = end_within(5s);
  EXPECT_GE(over - granted, 3s - 100ms);  // granted a little before its answer was here
  EXPECT_LE(over - granted, 3s + kDriftAndCommit);
  const auto second = take("b", 3000);
  ASSERT_TRUE(second.has_value()) << second.error().text;
  EXPECT_GT(second->token, first->token);
  EXPECT_FALSE(ask(RenewLease{"db", "a", first->token}).has_value());
  EXPECT_EQ(world->violation(), "");
}

TEST_F(Leases, OneThatIsRenewedLivesOn) {
  form(2);
  const auto granted = take("a", 2000);
  ASSERT_TRUE(granted.has_value()) << granted.error().text;
  for (int renewal = 0; renewal < 10; ++renewal) {
    world->run_for(1500ms);
    const auto renewed = ask(RenewLease{"db", "a", granted->token});
    ASSERT_TRUE(renewed.has_value()) << renewed.error().text;
  }
  const Instant renewed = world->now();
  const Instant over = end_within(5s);
  EXPECT_GE(over - renewed, 2s - 100ms);
  EXPECT_LE(over - renewed, 2s + kDriftAndCommit);
}

TEST_F(Leases, ANewCoordinatorHonoursThemInFull) {
  form(3);
  ASSERT_TRUE(take("a", 4000).has_value());
  world->run_for(3500ms);
  const NodeName before = world->coordinator();
  world->kill_node(before);
  ASSERT_TRUE(world->run_until(
      [&] { return !world->coordinator().empty() && world->coordinator() != before; }, 5s));
  const Instant elected = world->now();
  ASSERT_TRUE(held());
  const Instant over = end_within(6s);
  EXPECT_GE(over - elected, 4s - 100ms);
  EXPECT_LE(over - elected, 4s + kDriftAndCommit);
  EXPECT_TRUE(take("b", 4000).has_value());
  EXPECT_EQ(world->violation(), "");
}

}  // namespace
}  // namespace muster::sim
