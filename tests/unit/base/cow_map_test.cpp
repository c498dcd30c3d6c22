#include "base/cow_map.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/cow_list.h"
#include "base/remembered_requests.h"
#include "base/rng.h"
#include "base/shared_map.h"

namespace muster {
namespace {

using Map = CowMap<std::string, int>;
using Reference = std::map<std::string, int>;

Reference content(const Map& map) { return {map.begin(), map.end()}; }

std::string key_of(std::uint64_t number) { return "key-" + std::to_string(number); }

// Everything that can be asked of a map, against std::map.
void expect_same(const Map& map, const Reference& reference, Rng& rng) {
  ASSERT_EQ(map.size(), reference.size());
  ASSERT_EQ(map.empty(), reference.empty());
  ASSERT_TRUE(std::equal(map.begin(), map.end(), reference.begin(), reference.end()));
  ASSERT_TRUE(std::equal(map.rbegin(), map.rend(), reference.rbegin(), reference.rend()));
  for (int i = 0; i < 20; ++i) {
    const std::string key = key_of(rng.below(3000));
    const auto found = map.find(key);
    const auto expected = reference.find(key);
    ASSERT_EQ(found == map.end(), expected == reference.end());
    if (found != map.end()) {
      ASSERT_EQ(*found, *expected);
    }
    const auto bound = map.lower_bound(key);
    const auto expected_bound = reference.lower_bound(key);
    ASSERT_EQ(bound == map.end(), expected_bound == reference.end());
    if (bound != map.end()) {
      ASSERT_EQ(*bound, *expected_bound);
    }
  }
}

TEST(CowMap, IsAsAMapUnderRandomChanges) {
  Rng rng(4);
  for (const std::uint64_t keys : {5U, 100U, 3000U}) {
    Map map;
    Reference reference;
    for (int step = 0; step < 20000; ++step) {
      const std::string key = key_of(rng.below(keys));
      // Phases of growth and of decline, so that nodes are split and put together again.
      if (rng.below(100) < (step / 4000 % 2 == 0 ? 80U : 20U)) {
        const int value = static_cast<int>(rng.below(1000));
        ASSERT_EQ(map.put(key, value), reference.insert_or_assign(key, value).second);
      } else {
        ASSERT_EQ(map.erase(key), reference.erase(key) == 1);
      }
      if (step % 500 == 0) expect_same(map, reference, rng);
    }
    while (!reference.empty()) {
      ASSERT_TRUE(map.erase(std::string(reference.begin()->first)));
      reference.erase(reference.begin());
    }
    expect_same(map, reference, rng);
  }
}

TEST(CowMap, KeysInOrderAndInReverseAreFoundAgain) {
  for (const bool reverse : {false, true}) {
    CowMap<int, int> map;
    for (int i = 0; i < 5000; ++i) map.put(reverse ? 5000 - i : i, i);
    EXPECT_EQ(map.size(), 5000U);
    int last = -1;
    for (const auto& [key, value] : map) {
      EXPECT_GT(key, last);
      last = key;
    }
  }
}

TEST(CowMap, ACopyKeepsWhatItWasWhateverHappensToTheOther) {
  Rng rng(5);
  Map map;
  std::vector<std::pair<Map, Reference>> copies;
  for (int step = 0; step < 5000; ++step) {
    const std::string key = key_of(rng.below(400));
    rng.chance(60) ? void(map.put(key, step)) : void(map.erase(key));
    if (step % 100 == 0) copies.emplace_back(map, content(map));
    if (step % 700 == 699) {  // an old one goes its own way
      auto& [old, reference] = copies[rng.below(copies.size())];
      old.put("own", step);
      reference["own"] = step;
    }
  }
  for (const auto& [copy, reference] : copies) EXPECT_EQ(content(copy), reference);
}

TEST(CowMap, EqualityIsOfTheContentHoweverItCameAbout) {
  Map up, down;
  for (std::uint64_t i = 0; i < 1000; ++i) up.put(key_of(i), 1);
  for (std::uint64_t i = 1000; i > 0; --i) down.put(key_of(i - 1), 1);
  EXPECT_EQ(up, down);
  down.put(key_of(7), 2);
  EXPECT_NE(up, down);
  down.put(key_of(7), 1);
  down.erase(key_of(8));
  EXPECT_NE(up, down);
}

TEST(CowMap, AnEmptyOneHasNothing) {
  Map map;
  EXPECT_EQ(map.begin(), map.end());
  EXPECT_EQ(map.lower_bound("a"), map.end());
  EXPECT_FALSE(map.erase("a"));
  map.put("a", 1);
  EXPECT_TRUE(map.erase("a"));
  EXPECT_EQ(map, Map{});
}

TEST(CowList, IsCutAtItsBeginningAndGoesOnAtItsEnd) {
  CowList<std::string> list;
  for (int i = 0; i < 100; ++i) list.push_back(std::to_string(i));
  const CowList<std::string> before = list;
  for (int i = 0; i < 90; ++i) list.pop_front();
  list.push_back("100");
  EXPECT_EQ(list.front(), "90");
  EXPECT_EQ(list.back(), "100");
  EXPECT_EQ(list.size(), 11U);
  EXPECT_EQ(*++list.rbegin(), "99");
  EXPECT_EQ(before.size(), 100U);
  EXPECT_EQ(before.back(), "99");
  const CowList<std::string> same{"90", "91", "92", "93", "94", "95",
                                  "96", "97", "98", "99", "100"};
  EXPECT_EQ(list, same) << "where they begin to count makes no difference";
}

TEST(CowList, ACopyIsWhatItWasHoweverBothGoOn) {
  CowList<std::string> list;
  for (int i = 0; i < 70; ++i) list.push_back(std::to_string(i));
  CowList<std::string> other = list;
  list.push_back("mine");
  other.push_back("theirs");
  other.push_back("more");
  list.push_back("too");
  const auto last = [](const CowList<std::string>& of) { return *++of.rbegin() + " " + of.back(); };
  EXPECT_EQ(last(list), "mine too");
  EXPECT_EQ(last(other), "theirs more");
  EXPECT_EQ(list.at(69), "69");
  EXPECT_EQ(other.at(69), "69");
  EXPECT_EQ(list.next(), 72U);
}

TEST(CowList, DoesWhatAQueueDoesAndSoDoItsCopies) {
  struct Pair {
    CowList<std::string> list;
    std::deque<std::string> queue;
    void check() const {
      ASSERT_EQ(list.size(), queue.size());
      EXPECT_TRUE(std::equal(list.begin(), list.end(), queue.begin()));
      EXPECT_TRUE(std::equal(list.rbegin(), list.rend(), queue.rbegin()));
    }
  };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    std::vector<Pair> pairs(3);
    for (int step = 0; step < 3000; ++step) {
      Pair& one = pairs[rng.below(pairs.size())];
      const std::uint64_t what = rng.below(100);
      if (what == 0) {
        one = pairs[rng.below(pairs.size())];
      } else if (what == 1 && seed % 2 == 0) {
        one.list.clear();
        one.queue.clear();
      } else if (what < 45 && !one.queue.empty()) {
        one.list.pop_front();
        one.queue.pop_front();
      } else {
        one.list.push_back(std::to_string(step));
        one.queue.push_back(std::to_string(step));
      }
      if (step % 50 == 0) {
        for (const Pair& pair : pairs) pair.check();
      }
    }
    for (const Pair& a : pairs) {
      a.check();
      for (const Pair& b : pairs) EXPECT_EQ(a.list == b.list, a.queue == b.queue);
    }
  }
}

TEST(SharedMap, LookingSomethingUpCopiesNothing) {
  SharedMap<int, std::string> map{{1, "a"}, {2, "b"}};
  const SharedMap<int, std::string> before = map;
  EXPECT_EQ(&map.find(1)->second, &before.at(1));
  EXPECT_EQ(&map.begin()->second, &before.at(1));
  EXPECT_EQ(&map.at(1), &before.at(1));
  EXPECT_EQ(map.edit(3), nullptr);
  EXPECT_EQ(map.erase(3), 0U);
  EXPECT_EQ(map.erase_if([](const auto& entry) { return entry.first > 2; }), 0U);
  EXPECT_EQ(&map.at(1), &before.at(1));
  *map.edit(1) = "c";
  EXPECT_EQ(before.at(1), "a");
}

TEST(SharedMap, ACopyIsWhatItWasWhenTheOtherChanges) {
  SharedMap<int, std::string> map{{1, "a"}, {2, "b"}};
  const SharedMap<int, std::string> before = map;
  map[1] = "c";
  map.erase(2);
  map.emplace(3, "d");
  for (auto& [key, value] : map.edit()) value += "!";
  EXPECT_EQ(before, (SharedMap<int, std::string>{{1, "a"}, {2, "b"}}));
  EXPECT_EQ(map, (SharedMap<int, std::string>{{1, "c!"}, {3, "d!"}}));
  EXPECT_EQ(map.erase(9), 0U);
  EXPECT_EQ(map.erase_if([](const auto& entry) { return entry.first == 3; }), 1U);
  EXPECT_EQ(map, (SharedMap<int, std::string>{{1, "c!"}}));
  map.clear();
  EXPECT_EQ(map, (SharedMap<int, std::string>{}));
  EXPECT_EQ(map.find(1), map.end());
}

TEST(RememberedRequests, ForgetTheOldestFirstAndFindTheOthers) {
  RememberedRequests requests;
  for (int i = 0; i < 10; ++i) requests.remember({.id = std::to_string(i)}, 4);
  EXPECT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests.begin()->id, "6");
  EXPECT_EQ(requests.find("5"), nullptr);
  ASSERT_NE(requests.find("9"), nullptr);
  EXPECT_EQ(requests.find("9")->id, "9");
}

TEST(RememberedRequests, OfManyEachIsFoundWithItsOwnAnswerUntilItIsForgotten) {
  constexpr std::uint64_t kMost = 3000;
  RememberedRequests requests;
  RememberedRequests before;
  const auto id = [](std::uint64_t number) { return "request-" + std::to_string(number); };
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    requests.remember({.id = id(i), .index = i}, kMost);
    if (i == 5000) before = requests;
  }
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const RequestRecord* now = requests.find(id(i));
    ASSERT_EQ(now != nullptr, i >= 10'000 - kMost) << i;
    if (now != nullptr) {
      EXPECT_EQ(now->index, i);
    }
    const RequestRecord* then = before.find(id(i));
    ASSERT_EQ(then != nullptr, i > 5000 - kMost && i <= 5000) << i;
    if (then != nullptr) {
      EXPECT_EQ(then->index, i);
    }
  }
  requests.remember({.id = id(0), .index = 10'000}, kMost);  // again, after it was forgotten
  EXPECT_EQ(requests.find(id(0))->index, 10'000U);
}

}  // namespace
}  // namespace muster
