#include "agent/asio_start.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "agent/history_families.h"
#include "agent/posix_clock.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

using std::chrono::milliseconds;

TEST(RelayLimits, ACollectorHasTheTimeThatIsSet) {
  MetricsConfig metrics;
  EXPECT_EQ(relay_limits(metrics).each, milliseconds(1000));
  EXPECT_EQ(relay_limits(metrics).overtaken_after, milliseconds(100));
  metrics.deadline = milliseconds(5000);
  EXPECT_EQ(relay_limits(metrics).each, milliseconds(5000));
  EXPECT_EQ(relay_limits(metrics).overtaken_after, milliseconds(100));
}

// Else a short deadline would be looked at only when the longer of the two is over.
TEST(RelayLimits, ACollectorIsOvertakenAtItsDeadlineAtTheLatest) {
  MetricsConfig metrics;
  metrics.deadline = milliseconds(10);
  EXPECT_EQ(relay_limits(metrics).each, milliseconds(10));
  EXPECT_EQ(relay_limits(metrics).overtaken_after, milliseconds(10));
}

// What a master knows of its leader when it starts: what the history says that it wrote last.
struct StartAgain : testing::Test {
  StartAgain() {
    config.cluster = "lab";
    config.node.name = "n1";
    config.data_dir = dir.file("data");
    config.insecure = true;
    config.masters = {{"n1", {"127.0.0.1", 1}, {}}};
    std::filesystem::create_directory(config.data_dir);
  }
  void recorded(WallTime at, float leaderless) {
    collector::SqliteHistory history(config.data_dir + "/history.db", config.history);
    history.add(at, {{kLeaderlessSeries, leaderless}, {"load1", 1}});
    EXPECT_TRUE(history.flush().empty());
  }
  std::optional<Leaderless> found() {
    auto prepared = prepare(config);
    EXPECT_TRUE(prepared) << prepared.error().text;
    return prepared ? prepared->recovered.leaderless : std::nullopt;
  }
  TempDir dir;
  Config config;
};

TEST_F(StartAgain, AMasterGoesOnWithoutALeaderSinceItMissedIt) {
  EXPECT_FALSE(found());
  const WallTime now = std::chrono::floor<std::chrono::seconds>(wall_now());
  recorded(now - std::chrono::minutes(3), 0);
  EXPECT_FALSE(found());
  recorded(now - std::chrono::minutes(2) + milliseconds(345), 60.345F);
  const auto before = found();
  ASSERT_TRUE(before);
  EXPECT_EQ(before->since, now - std::chrono::minutes(3));
  EXPECT_EQ(before->watched, milliseconds(60'345));
  recorded(now - std::chrono::minutes(1), 0);
  EXPECT_FALSE(found());
}

TEST_F(StartAgain, NothingIsFoundByWhoIsNoMasterOrKeepsNoHistory) {
  recorded(wall_now() - std::chrono::minutes(1), 60);
  EXPECT_TRUE(found());
  const Config other = config;
  config.history.interval = Duration::zero();
  EXPECT_FALSE(found());
  config = other;
  config.masters = {{"n2", {"127.0.0.1", 1}, {}}};
  EXPECT_FALSE(found());
}

TEST_F(StartAgain, AHistoryThatCannotBeReadKeepsNobodyFromStarting) {
  write_file(config.data_dir + "/history.db", "no database, and long enough to look like one.....");
  EXPECT_FALSE(found());
  EXPECT_TRUE(read_file(config.data_dir + "/history.db").starts_with("no database"));
}

}  // namespace
}  // namespace muster::agent
