// One seed is one run.
#include <gtest/gtest.h>

#include "report.h"
#include "seed_run.h"

namespace muster::sim {
namespace {

SeedOptions seeded(std::uint64_t seed) {
  SeedOptions options;
  options.seed = seed;
  options.time = std::chrono::seconds(60);
  return options;
}

TEST(Seed, GivesTheSameTraceTwiceWhetherItIsWatchedOrNot) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SeedReport first = run_seed(seeded(seed), false);
    const SeedReport again = run_seed(seeded(seed), true);
    EXPECT_EQ(first.trace_hash, again.trace_hash) << seed;
    EXPECT_EQ(first.events, again.events) << seed;
  }
}

TEST(Seed, GivesAnotherTraceThanItsNeighbour) {
  EXPECT_NE(run_seed(seeded(1), false).trace_hash, run_seed(seeded(2), false).trace_hash);
}

TEST(Seed, DrawsHalfOfTheKindsOfFaults) {
  std::size_t drawn = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Rng rng(seed);
    drawn += draw_faults(all_faults(), rng).size();
  }
  const double share = static_cast<double>(drawn) / static_cast<double>(1000 * all_faults().size());
  EXPECT_NEAR(share, 0.5, 0.05);
}

TEST(Seed, FaultsAreNamedOrRefusedWithTheNamesThatThereAre) {
  EXPECT_EQ(parse_faults("kill,freeze").value(), (std::set{Fault::Kill, Fault::Freeze}));
  const auto wrong = parse_faults("kill,flood");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_TRUE(wrong.error().text.starts_with("no fault is named \"flood\"; there are kill "));
}

// Seeds that once found something, in the product or in the simulator.
TEST(Seed, ThatFoundSomethingFindsNothingMore) {
  const std::uint64_t kFound[] = {
      490,   // members that had left and come back were found again by one seed of three only
      1488,  // a coordinator thawed in an old term was held to what later ones were told
  };
  for (const std::uint64_t seed : kFound) {
    SeedOptions options;
    options.seed = seed;
    const SeedReport report = run_seed(options, false);
    EXPECT_TRUE(report.violations.empty())
        << seed << ": " << report.violations.front().rule << ": " << report.violations.front().text;
  }
}

TEST(Seed, IsRepeatedByTheCommandThatIsPrinted) {
  SeedOptions options = seeded(7);
  options.nodes = 9;
  options.faults = std::set{Fault::Kill, Fault::ClockSkew};
  EXPECT_EQ(command_of(options),
            "muster-sim --seed 7 --nodes 9 --seconds 60 --faults kill,clock-skew");
}

}  // namespace
}  // namespace muster::sim
