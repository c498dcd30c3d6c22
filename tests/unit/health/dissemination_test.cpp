#include "health/dissemination.h"

#include <gtest/gtest.h>

namespace muster::health {
namespace {

gossip::Claim claim(const std::string& name, std::uint64_t incarnation = 0) {
  gossip::Claim result;
  result.name = name;
  result.incarnation = incarnation;
  return result;
}

std::string names(const std::vector<gossip::Claim>& claims) {
  std::string text;
  for (const gossip::Claim& one : claims) text += one.name;
  return text;
}

const std::size_t kOne = gossip::claim_bytes_max(claim("a"));

TEST(Dissemination, TheLeastSentGoFirstAndOfThoseTheNewest) {
  Dissemination queue;
  for (const char* name : {"a", "b", "c"}) queue.push(claim(name));
  EXPECT_EQ(names(queue.take(2 * kOne, 9)), "cb");
  EXPECT_EQ(names(queue.take(2 * kOne, 9)), "ac");
  queue.push(claim("d"));
  EXPECT_EQ(names(queue.take(3 * kOne, 9)), "dba");
}

TEST(Dissemination, AClaimIsForgottenAtItsLimit) {
  Dissemination queue;
  queue.push(claim("a"));
  EXPECT_EQ(names(queue.take(kOne, 2)), "a");
  EXPECT_EQ(names(queue.take(kOne, 2)), "a");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(names(queue.take(kOne, 2)), "");
}

TEST(Dissemination, ANewerClaimReplacesTheOlderAndStartsOver) {
  Dissemination queue;
  const std::size_t room = gossip::claim_bytes_max(claim("a", 2));
  queue.push(claim("a", 1));
  EXPECT_EQ(queue.take(room, 2).size(), 1U);
  queue.push(claim("a", 2));
  EXPECT_EQ(queue.size(), 1U);
  for (int i = 0; i < 2; ++i) {
    const auto taken = queue.take(room, 2);
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].incarnation, 2U);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(Dissemination, NeverTakesMoreBytesThanAllowed) {
  Dissemination queue;
  for (char c = 'a'; c <= 'z'; ++c) queue.push(claim(std::string(1, c)));
  EXPECT_EQ(queue.take(3 * kOne + kOne - 1, 9).size(), 3U);
  EXPECT_EQ(queue.take(kOne - 1, 9).size(), 0U);
  EXPECT_EQ(queue.take(0, 9).size(), 0U);
}

TEST(Dissemination, ALargeClaimDoesNotHoldUpSmallOnes) {
  Dissemination queue;
  queue.push(claim("a"));
  gossip::Claim large = claim("z");
  gossip::Card card{large.name, {"10.0.0.1", 7946}, {}};
  card.meta.zone = std::string(5000, 'x');
  large.card = std::make_shared<const gossip::Card>(std::move(card));
  queue.push(large);
  EXPECT_EQ(names(queue.take(kOne + 10, 9)), "a");
}

TEST(Dissemination, ErasedClaimsAreNotSent) {
  Dissemination queue;
  queue.push(claim("a"));
  queue.push(claim("b"));
  queue.erase("b");
  queue.erase("c");
  EXPECT_FALSE(queue.contains("b"));
  EXPECT_EQ(names(queue.take(9 * kOne, 9)), "a");
}

}  // namespace
}  // namespace muster::health
