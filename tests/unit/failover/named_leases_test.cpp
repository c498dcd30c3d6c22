#include "failover/named_leases.h"

#include <gtest/gtest.h>

#include "failover/commands.h"
#include "state_fixture.h"

namespace muster::failover {
namespace {

struct NamedLeasesTest : StateTest {
  NamedLeasesTest() { leases.begin(state, now); }
  std::uint64_t grant(const std::string& name, std::uint32_t ttl_ms) {
    const Result<Outcome> granted = put(GrantLease{name, "n1", ttl_ms});
    leases.on_state(state, now);
    return granted ? granted->token : 0;
  }
  void renew(const std::string& name, std::uint64_t token) {
    ASSERT_TRUE(put(RenewLease{name, "n1", token}));
    leases.on_state(state, now);
  }
  // How many are due now; they are proposed and applied.
  std::size_t expire() {
    const std::vector<ExpireLease> due = leases.due(now);
    for (const ExpireLease& one : due) EXPECT_TRUE(put(one));
    leases.on_state(state, now);
    return due.size();
  }

  NamedLeases leases;
  Instant now{100s};
};

TEST_F(NamedLeasesTest, ALeaseIsOverAfterItsTimeAndTheDrift) {
  grant("a", 10'000);
  EXPECT_EQ(leases.deadline(), now + 10'100ms);
  now += 10'099ms;
  EXPECT_EQ(expire(), 0U);
  now += 1ms;
  EXPECT_EQ(expire(), 1U);
  EXPECT_TRUE(state.leases.empty());
  EXPECT_EQ(leases.deadline(), kNever);
}

TEST_F(NamedLeasesTest, ARenewalBeginsItsTimeAgain) {
  const std::uint64_t token = grant("a", 10'000);
  now += 9s;
  renew("a", token);
  now += 9s;
  EXPECT_EQ(expire(), 0U);
  now += 2s;
  EXPECT_EQ(expire(), 1U);
}

TEST_F(NamedLeasesTest, AChangeOfAnotherLeaseBeginsNothing) {
  grant("a", 10'000);
  now += 9s;
  grant("b", 10'000);
  now += 2s;
  EXPECT_EQ(expire(), 1U);
  EXPECT_TRUE(state.leases.contains("b"));
}

TEST_F(NamedLeasesTest, AReleasedLeaseIsNeverDue) {
  const std::uint64_t token = grant("a", 10'000);
  ASSERT_TRUE(put(ReleaseLease{"a", "n1", token}));
  leases.on_state(state, now);
  EXPECT_EQ(leases.deadline(), kNever);
}

TEST_F(NamedLeasesTest, ANewCoordinatorHonoursEveryLeaseInFull) {
  grant("a", 10'000);
  now += 9s;
  leases.end();
  EXPECT_EQ(leases.deadline(), kNever);
  leases.begin(state, now);
  EXPECT_EQ(leases.deadline(), now + 10'100ms);
}

TEST_F(NamedLeasesTest, WhoIsNotTheCoordinatorFindsNothingDue) {
  leases.end();
  grant("a", 1'000);
  now += 1h;
  EXPECT_EQ(expire(), 0U);
  EXPECT_TRUE(state.leases.contains("a"));
}

TEST_F(NamedLeasesTest, AProposalThatWasLostIsMadeAgain) {
  grant("a", 1'000);
  now += 2s;
  EXPECT_EQ(leases.due(now).size(), 1U);
  EXPECT_EQ(leases.due(now).size(), 0U);
  now += 1s;
  EXPECT_EQ(expire(), 1U);
}

}  // namespace
}  // namespace muster::failover
