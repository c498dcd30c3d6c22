#include "collector/posix_relay.h"

#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "tests/driver/collector/gate.h"

namespace muster::collector {
namespace {

using std::chrono::milliseconds;
using End = PosixRelay::End;

constexpr Duration kLong = std::chrono::seconds(30);
constexpr PosixRelay::Limits kHasty{
    .overtaken_after = milliseconds(2), .each = milliseconds(300), .threads_max = 16};

std::vector<End> ends(const std::vector<PosixRelay::Outcome>& outcomes) {
  std::vector<End> out;
  for (const auto& outcome : outcomes) out.push_back(outcome.end);
  return out;
}

PosixRelay::Call nothing(std::string key) {
  return {std::move(key), [] {}};
}

PosixRelay::Call hanging(std::string key, const std::shared_ptr<Gate>& gate) {
  return {std::move(key), [gate] { gate->pass(); }};
}

void until_nothing_is_parked(const PosixRelay& relay) {
  while (relay.parked() != 0) std::this_thread::yield();
}

TEST(PosixRelay, MakesEveryCallInItsOrderOnOneThread) {
  PosixRelay relay({.overtaken_after = kLong, .each = kLong, .threads_max = 16});
  std::string order;
  std::set<std::thread::id> threads;
  const auto call = [&](std::string key) {
    return PosixRelay::Call{key, [&, key] {
                              order += key;
                              threads.insert(std::this_thread::get_id());
                            }};
  };
  EXPECT_EQ(ends(relay.run({call("a"), call("b"), call("a")}, kLong)),
            std::vector<End>(3, End::Returned));
  EXPECT_EQ(ends(relay.run({call("c")}, kLong)), std::vector<End>{End::Returned});
  EXPECT_TRUE(relay.run({}, kLong).empty());
  EXPECT_EQ(order, "abac");
  EXPECT_EQ(threads.size(), 1U);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST(PosixRelay, ACallThatHangsCostsOnlyItselfAndIsNotRepeatedUntilItReturns) {
  PosixRelay relay(kHasty);
  const auto gate = std::make_shared<Gate>();
  const auto run = [&] {
    return relay.run({nothing("a"), hanging("h", gate), nothing("b")}, kLong);
  };
  const auto first = run();
  EXPECT_EQ(ends(first), (std::vector<End>{End::Returned, End::TimedOut, End::Returned}));
  EXPECT_GE(first[1].took, kHasty.each);
  EXPECT_EQ(relay.parked(), 1U);

  const auto second = run();
  EXPECT_EQ(ends(second), (std::vector<End>{End::Returned, End::Hangs, End::Returned}));
  EXPECT_GT(second[1].took, first[1].took);
  EXPECT_EQ(relay.parked(), 1U);
  EXPECT_EQ(gate->arrived(), 1);

  gate->open();
  until_nothing_is_parked(relay);
  EXPECT_EQ(ends(run()), std::vector<End>(3, End::Returned));
  EXPECT_EQ(gate->arrived(), 2);
}

TEST(PosixRelay, TheRestDoesNotWaitForASlowCallWhichIsHeardAllTheSame) {
  PosixRelay relay({.overtaken_after = milliseconds(2), .each = kLong, .threads_max = 16});
  const auto gate = std::make_shared<Gate>();
  const PosixRelay::Call last{"last", [gate] { gate->open(); }};
  EXPECT_EQ(ends(relay.run({hanging("slow", gate), nothing("a"), last}, kLong)),
            std::vector<End>(3, End::Returned));
  EXPECT_EQ(relay.parked(), 0U);
}

TEST(PosixRelay, SeveralThatHangAtOnceDelayTheRestLittle) {
  PosixRelay relay({.overtaken_after = milliseconds(2), .each = kLong, .threads_max = 16});
  const auto gate = std::make_shared<Gate>();
  std::vector<PosixRelay::Call> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(hanging("h" + std::to_string(i), gate));
  calls.push_back({"last", [gate] { gate->open(); }});
  EXPECT_EQ(ends(relay.run(std::move(calls), kLong)), std::vector<End>(11, End::Returned));
}

TEST(PosixRelay, HoweverManyHangWhatReturnedBeforeIsAskedAgain) {
  PosixRelay relay(
      {.overtaken_after = milliseconds(2), .each = milliseconds(300), .threads_max = 3});
  const auto gate = std::make_shared<Gate>();
  using enum End;
  EXPECT_EQ(ends(relay.run({nothing("a")}, kLong)), std::vector<End>{Returned});
  for (int round = 0; round < 3; ++round) {
    const auto found = ends(relay.run(
        {hanging("1", gate), hanging("2", gate), hanging("3", gate), nothing("a"), nothing("b")},
        kLong));
    const End hang = round == 0 ? TimedOut : Hangs;
    EXPECT_EQ(found, (std::vector<End>{hang, hang, NoThread, Returned, NoThread})) << round;
  }
  EXPECT_EQ(gate->arrived(), 2);
  gate->open();
  until_nothing_is_parked(relay);
}

TEST(PosixRelay, WhatIsNewWaitsForAThreadWhileOthersAreSlow) {
  PosixRelay relay({.overtaken_after = milliseconds(2), .each = kLong, .threads_max = 3});
  const auto gate = std::make_shared<Gate>();
  std::thread opener([&] {
    while (gate->arrived() < 2) std::this_thread::yield();
    gate->open();
  });
  EXPECT_EQ(
      ends(relay.run({hanging("1", gate), hanging("2", gate), nothing("a"), nothing("b")}, kLong)),
      std::vector<End>(4, End::Returned));
  opener.join();
}

TEST(PosixRelay, NeverHasMoreThreadsThanItMay) {
  PosixRelay relay(
      {.overtaken_after = milliseconds(2), .each = milliseconds(300), .threads_max = 3});
  const auto gate = std::make_shared<Gate>();
  const auto run = [&] {
    return ends(relay.run({hanging("1", gate), hanging("2", gate), hanging("3", gate),
                           hanging("4", gate), nothing("a")},
                          kLong));
  };
  using enum End;
  EXPECT_EQ(run(), (std::vector<End>{TimedOut, TimedOut, NoThread, NoThread, NoThread}));
  EXPECT_EQ(run(), (std::vector<End>{Hangs, Hangs, NoThread, NoThread, NoThread}));
  EXPECT_EQ(relay.parked(), 2U);
  EXPECT_EQ(gate->arrived(), 2);
  gate->open();
  until_nothing_is_parked(relay);
  EXPECT_EQ(run(), std::vector<End>(5, Returned));
}

TEST(PosixRelay, ARunEndsInItsTimeWhateverItsCallsMay) {
  PosixRelay relay({.overtaken_after = kLong, .each = kLong, .threads_max = 16});
  const auto gate = std::make_shared<Gate>();
  const auto run = [&](Duration within) {
    return ends(relay.run({nothing("a"), hanging("h", gate), nothing("b")}, within));
  };
  EXPECT_EQ(run(milliseconds(300)), (std::vector<End>{End::Returned, End::TimedOut, End::NoTime}));
  EXPECT_EQ(run(kLong), (std::vector<End>{End::Returned, End::Hangs, End::Returned}));
  gate->open();
}

TEST(PosixRelay, ASecondRunWaitsForTheFirstInItsOwnTime) {
  PosixRelay relay({.overtaken_after = kLong, .each = kLong, .threads_max = 16});
  const auto gate = std::make_shared<Gate>();
  std::vector<End> first;
  std::thread other([&] { first = ends(relay.run({hanging("h", gate), nothing("a")}, kLong)); });
  gate->wait_for(1);
  EXPECT_EQ(ends(relay.run({nothing("b")}, milliseconds(1))), std::vector<End>{End::NoTime});
  std::thread opens([&] { gate->open(); });
  EXPECT_EQ(ends(relay.run({nothing("b")}, kLong)), std::vector<End>{End::Returned});
  opens.join();
  other.join();
  EXPECT_EQ(first, std::vector<End>(2, End::Returned));
}

TEST(PosixRelay, IsGoneBeforeItsParkedCallReturns) {
  const auto gate = std::make_shared<Gate>();
  const auto owned = std::make_shared<int>(1);
  {
    PosixRelay relay(kHasty);
    const PosixRelay::Call call{"h", [gate, owned] { gate->pass(); }};
    EXPECT_EQ(ends(relay.run({call}, kLong)), std::vector<End>{End::TimedOut});
  }
  EXPECT_EQ(owned.use_count(), 2);
  gate->open();
  while (owned.use_count() != 1) std::this_thread::yield();
}

}  // namespace
}  // namespace muster::collector
