#include "identity/attempts.h"

#include <gtest/gtest.h>

namespace muster::identity {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kNone{0};
const Instant kStart{std::chrono::hours(5)};

AttemptsOptions options() {
  AttemptsOptions options;
  options.burst = 3;
  options.refill = seconds(10);
  options.burst_of_all = 100;
  options.refill_of_all = seconds(1);
  options.addresses_max = 4;
  return options;
}

TEST(Attempts, AfterAFewFailuresAnAddressWaitsForEachOneMore) {
  Attempts attempts(options());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(attempts.failed("10.0.0.1", kStart), kNone);
  EXPECT_EQ(attempts.failed("10.0.0.1", kStart), seconds(10));
  EXPECT_EQ(attempts.failed("10.0.0.1", kStart + seconds(4)), seconds(6));
  EXPECT_EQ(attempts.failed("10.0.0.1", kStart + seconds(10)), kNone);
  EXPECT_EQ(attempts.failed("10.0.0.1", kStart + seconds(10)), seconds(10));
  EXPECT_EQ(attempts.failures(), 7U);
  EXPECT_EQ(attempts.suppressed(), 3U);
}

TEST(Attempts, AnEmptyBucketIsSeenWithoutAnotherFailure) {
  Attempts attempts(options());
  EXPECT_EQ(attempts.wait("10.0.0.1", kStart), kNone);
  for (int i = 0; i < 3; ++i) attempts.failed("10.0.0.1", kStart);
  EXPECT_EQ(attempts.wait("10.0.0.1", kStart), seconds(10));
  EXPECT_EQ(attempts.wait("10.0.0.1", kStart), seconds(10));
  EXPECT_EQ(attempts.wait("10.0.0.1", kStart + seconds(10)), kNone);
  EXPECT_EQ(attempts.wait("10.0.0.2", kStart), kNone);
  EXPECT_EQ(attempts.addresses(), 1U);
}

TEST(Attempts, NobodyWaitsForAnother) {
  Attempts attempts(options());
  for (int i = 0; i < 20; ++i) attempts.failed("10.0.0.1", kStart);
  EXPECT_EQ(attempts.failed("10.0.0.2", kStart), kNone);
}

TEST(Attempts, ManyAddressesTogetherAreLimitedToo) {
  AttemptsOptions small = options();
  small.burst_of_all = 10;
  Attempts attempts(small);
  int free = 0;
  for (int i = 0; i < 100; ++i) {
    if (attempts.failed("10.0.1." + std::to_string(i), kStart) == kNone) ++free;
  }
  EXPECT_EQ(free, 10);
  EXPECT_EQ(attempts.failed("10.0.2.1", kStart), seconds(1));
  EXPECT_EQ(attempts.failed("10.0.2.1", kStart + seconds(1)), kNone);
}

TEST(Attempts, MemoryIsBoundedAndTheLongestQuietAddressIsForgotten) {
  Attempts attempts(options());
  for (int i = 0; i < 3; ++i) attempts.failed("first", kStart);
  for (int i = 0; i < 3; ++i) attempts.failed("second", kStart);
  attempts.failed("first", kStart);
  for (const char* other : {"a", "b", "c"}) attempts.failed(other, kStart);
  EXPECT_EQ(attempts.addresses(), 4U);
  EXPECT_NE(attempts.failed("first", kStart), kNone);   // still known
  EXPECT_EQ(attempts.failed("second", kStart), kNone);  // forgotten
  EXPECT_EQ(attempts.addresses(), 4U);
}

}  // namespace
}  // namespace muster::identity
