#include "collector/load.h"

#include <string>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

TEST(Load, TheThreeAveragesBecomeGauges) {
  const auto families = parse_load("0.25 1.01 12.50 3/96 6807\n");
  ASSERT_TRUE(families) << families.error().text;
  EXPECT_EQ(*families,
            (Families{{"node_load1", "1m load average.", MetricType::Gauge, {{{}, 0.25}}},
                      {"node_load5", "5m load average.", MetricType::Gauge, {{{}, 1.01}}},
                      {"node_load15", "15m load average.", MetricType::Gauge, {{{}, 12.5}}}}));
}

TEST(Load, WhatIsNotALoadavgFileIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"0.25 1.01 12.", "is cut off"},
      {"\n", "is not the one line"},
      {"0.25 1.01 12.50\n", "is not the one line"},
      {"0.25 1.01 12.50 3/96 6807\n0\n", "is not the one line"},
      {"0.25 1.01 x 3/96 6807\n", "does not begin with three averages"},
      {"0.25 nan 1.0 3/96 6807\n", "does not begin with three averages"},
      {"0.25 inf 1.0 3/96 6807\n", "does not begin with three averages"},
      {"-0.25 1.0 1.0 3/96 6807\n", "does not begin with three averages"},
      {"0.25 1.0 1.0kB 3/96 6807\n", "does not begin with three averages"},
  };
  for (const auto& [text, why] : cases) {
    const auto families = parse_load(text);
    ASSERT_FALSE(families) << text;
    EXPECT_EQ(families.error().text.find("collector loadavg: /proc/loadavg "), 0U);
    EXPECT_NE(families.error().text.find(why), std::string::npos) << families.error().text;
  }
}

}  // namespace
}  // namespace muster::collector
