#include "agent/asio_start.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace muster::agent
