#include "agent/drop_notices.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using health::GossipDrop;
using namespace std::chrono_literals;

const Address kStranger{"192.0.2.7", 7946};

TEST(DropNotices, TheFirstOfAReasonIsSaidAtOnceWithWhereItCameFrom) {
  DropNotices notices;
  const auto line = notices.dropped(GossipDrop::UnknownKey, kStranger, Instant(5s));
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->starts_with("gossip dropped as unknown-key, 1, the last from 192.0.2.7:7946: "))
      << *line;
  EXPECT_TRUE(notices.dropped(GossipDrop::Replayed, kStranger, Instant(5s)));
}

TEST(DropNotices, AFloodIsOneLineAMinuteThatCountsIt) {
  DropNotices notices;
  std::uint64_t lines = 0;
  for (int i = 0; i < 600'000; ++i) {
    lines += notices.dropped(GossipDrop::Malformed, kStranger, Instant(i * 1ms)).has_value();
  }
  EXPECT_EQ(lines, 10U);
  const auto last = notices.dropped(GossipDrop::Malformed, kStranger, Instant(600s));
  ASSERT_TRUE(last);
  EXPECT_NE(last->find("malformed, 60000 in 60 s"), std::string::npos) << *last;
}

TEST(DropNotices, WhatWasCountedIsSaidAlsoWhenNothingFollows) {
  DropNotices notices;
  EXPECT_TRUE(notices.dropped(GossipDrop::Unsealed, kStranger, Instant(0s)));
  EXPECT_TRUE(notices.due(Instant(70s)).empty());
  EXPECT_TRUE(notices.dropped(GossipDrop::Unsealed, kStranger, Instant(80s)));
  EXPECT_FALSE(notices.dropped(GossipDrop::Unsealed, kStranger, Instant(81s)));
  EXPECT_FALSE(notices.dropped(GossipDrop::Unsealed, kStranger, Instant(82s)));
  EXPECT_TRUE(notices.due(Instant(139s)).empty());
  const auto lines = notices.due(Instant(140s));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("unsealed, 2 in 60 s"), std::string::npos) << lines[0];
  EXPECT_TRUE(notices.due(Instant(300s)).empty());
}

TEST(DropNotices, EveryReasonSaysWhatItMeans) {
  DropNotices notices;
  for (const GossipDrop reason : health::kGossipDrops) {
    const auto line = notices.dropped(reason, kStranger, Instant(0s));
    ASSERT_TRUE(line);
    EXPECT_FALSE(line->ends_with(": ")) << to_text(reason);
  }
}

}  // namespace
}  // namespace muster::agent
