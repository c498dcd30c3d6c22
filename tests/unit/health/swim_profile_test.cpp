#include "health/swim_profile.h"

#include <gtest/gtest.h>

namespace muster::health {
namespace {

using namespace std::chrono_literals;

TEST(SwimProfile, EveryProfileIsFreeOfContradictions) {
  for (const char* name : {"lan", "wan", "local"}) {
    const auto profile = swim_profile(name);
    ASSERT_TRUE(profile.has_value()) << name;
    EXPECT_EQ(contradiction(*profile), "") << name;
  }
  EXPECT_FALSE(swim_profile("dsl").has_value());
}

TEST(SwimProfile, LanIsTheDefaultAndWanIsMemberlists) {
  EXPECT_EQ(*swim_profile("lan"), SwimOptions{});
  const SwimOptions wan = *swim_profile("wan");
  EXPECT_EQ(wan.probe_interval, 5s);
  EXPECT_EQ(wan.probe_timeout, 3s);
  EXPECT_EQ(wan.suspicion_mult, 6);
  EXPECT_EQ(wan.gossip_interval, 500ms);
  EXPECT_EQ(wan.gossip_fanout, 4);
  EXPECT_EQ(wan.push_pull_interval, 60s);
}

TEST(SwimProfile, ContradictionsNameBothSettings) {
  const auto told = [](auto change) {
    SwimOptions options;
    change(options);
    return contradiction(options);
  };
  EXPECT_NE(told([](SwimOptions& o) {
              o.probe_timeout = o.probe_interval;
            }).find("probe_timeout (200ms) must be below probe_interval (200ms)"),
            std::string::npos);
  EXPECT_NE(told([](SwimOptions& o) { o.gossip_interval = 201ms; }).find("gossip_interval"),
            std::string::npos);
  EXPECT_NE(told([](SwimOptions& o) { o.push_pull_interval = 100ms; }).find("push_pull_interval"),
            std::string::npos);
  EXPECT_NE(told([](SwimOptions& o) { o.join_retry = 11s; }).find("join_retry_max"),
            std::string::npos);
  EXPECT_NE(told([](SwimOptions& o) { o.tombstone = 3s; }).find("tombstone"), std::string::npos);
}

}  // namespace
}  // namespace muster::health
