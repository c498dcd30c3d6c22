#include "failover/lease.h"

#include <gtest/gtest.h>

namespace muster::failover {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{100s};

TEST(Lease, NothingIsHeldBeforeItIsGranted) {
  const LeaseHolder holder;
  EXPECT_FALSE(holder.held(kStart));
  EXPECT_EQ(holder.epoch(), 0U);
}

TEST(Lease, TheHolderCountsFromTheMomentOfSending) {
  LeaseHolder holder;
  holder.on_granted(1, kStart, 2s);
  EXPECT_TRUE(holder.held(kStart + 2s - 1ns));
  EXPECT_FALSE(holder.held(kStart + 2s));
}

TEST(Lease, AnAnswerOutOfOrderTakesNothingAway) {
  LeaseHolder holder;
  holder.on_granted(1, kStart + 1s, 2s);
  holder.on_granted(1, kStart, 2s);
  EXPECT_EQ(holder.until(), kStart + 3s);
}

TEST(Lease, AReplacedCoordinatorGrantsNothing) {
  LeaseHolder holder;
  holder.on_granted(7, kStart, 2s);
  holder.on_granted(6, kStart + 1s, 2s);
  EXPECT_EQ(holder.until(), kStart + 2s);
  EXPECT_EQ(holder.epoch(), 7U);
}

TEST(Lease, AnAnswerWithoutALeaseStillTellsTheEpoch) {
  LeaseHolder holder;
  holder.on_granted(7, kStart, 0s);
  EXPECT_FALSE(holder.held(kStart));
  EXPECT_EQ(holder.epoch(), 7U);
}

TEST(Lease, TheGranterWaitsLongerThanAnyHolderBelieves) {
  LeaseHolder holder;
  LeaseGrants grants;
  for (const Duration trip : {0ms, 1ms, 900ms}) {
    const Instant sent = kStart;
    grants.on_renewal("n1", sent + trip);
    holder.on_granted(1, sent, kLease);
    // Even when the holder's clock is slower by as much as it may be.
    const Duration believed = (holder.until() - sent) * (1000 + kDriftPerMille) / 1000;
    EXPECT_GE(grants.until("n1"), sent + believed);
  }
}

TEST(Lease, GrantsAreOfOneNodeEach) {
  LeaseGrants grants;
  grants.on_renewal("n1", kStart);
  EXPECT_EQ(grants.until("n1"), kStart + 2020ms);
  EXPECT_EQ(grants.until("n2"), Instant{});
}

}  // namespace
}  // namespace muster::failover
