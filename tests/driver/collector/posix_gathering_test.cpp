#include "collector/posix_gathering.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <regex>
#include <set>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "tests/driver/collector/gate.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

using std::chrono::milliseconds;

constexpr Duration kLong = std::chrono::seconds(30);
constexpr PosixRelay::Limits kPatient{.overtaken_after = kLong, .each = kLong, .threads_max = 16};
constexpr PosixRelay::Limits kHasty{
    .overtaken_after = milliseconds(2), .each = milliseconds(500), .threads_max = 16};
constexpr std::int64_t kNow = 1'795'221'526'000'000'000;

std::shared_ptr<const HostFs> host() {
  auto made_up = std::make_shared<MadeUpHost>();
  made_up->time = kNow;
  return made_up;
}

// One family, which has the collector's name.
Collector well(const std::string& name) {
  return {name, true, [name](const HostFs&, Complaints&) -> Result<Families> {
            return Families{{name, "Help.", MetricType::Gauge, {{{}, 1}}}};
          }};
}

Collector hanging(const std::string& name, const std::shared_ptr<Gate>& gate) {
  Collector collector = well(name);
  collector.collect = [gate, then = collector.collect](const HostFs& fs, Complaints& complaints) {
    gate->pass();
    return then(fs, complaints);
  };
  return collector;
}

std::map<std::string, double> successes(const HostReport& report) {
  std::map<std::string, double> out;
  for (const Sample& sample : report.families.back().samples) {
    out[sample.labels.at(0).second] = sample.value;
  }
  return out;
}

std::vector<std::string> names(const HostReport& report) {
  std::vector<std::string> out;
  for (const Family& family : report.families) {
    if (!family.name.starts_with("node_scrape_")) out.push_back(family.name);
  }
  return out;
}

std::vector<std::string> errors(const HostReport& report) {
  std::vector<std::string> out;
  for (const auto& [name, lines] : report.errors) out.insert(out.end(), lines.begin(), lines.end());
  return out;
}

bool only_error_is(const HostReport& report, const std::string& pattern) {
  const auto all = errors(report);
  return all.size() == 1 && std::regex_match(all[0], std::regex(pattern));
}

TEST(PosixGathering, ACollectorThatHangsCostsOnlyItselfAndIsWellAgainWhenItReturns) {
  const auto gate = std::make_shared<Gate>();
  PosixGathering gathering(host(), {well("a"), hanging("h", gate), well("z")}, kHasty);
  const auto first = gathering.gather({}, kLong);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->first);
  EXPECT_EQ(names(*first->report), (std::vector<std::string>{"a", "z"}));
  EXPECT_EQ(successes(*first->report),
            (std::map<std::string, double>{{"a", 1}, {"h", 0}, {"z", 1}}));
  EXPECT_TRUE(only_error_is(*first->report,
                            "collector h: no answer in [0-9]+\\.[0-9] s; it is asked again once it "
                            "has returned; its metrics are left out"));
  EXPECT_EQ(first->report->timed_out, std::vector<std::string>{"h"});
  EXPECT_EQ(gathering.parked(), 1U);

  const auto second = gathering.gather({}, kLong);
  EXPECT_EQ(names(*second->report), (std::vector<std::string>{"a", "z"}));
  EXPECT_TRUE(only_error_is(*second->report,
                            "collector h: it hangs since 2026-11-21T00:38:[0-4][0-9]Z; its metrics "
                            "are left out"));
  EXPECT_TRUE(second->report->timed_out.empty());
  EXPECT_EQ(gate->arrived(), 1);

  gate->open();
  while (gathering.parked() != 0) std::this_thread::yield();
  const auto third = gathering.gather({}, kLong);
  EXPECT_EQ(names(*third->report), (std::vector<std::string>{"a", "h", "z"}));
  EXPECT_TRUE(errors(*third->report).empty());
}

TEST(PosixGathering, AScrapeEndsInItsTime) {
  const auto gate = std::make_shared<Gate>();
  PosixGathering gathering(host(), {well("a"), hanging("h", gate), well("z")}, kPatient);
  const auto cut = gathering.gather({}, milliseconds(600));
  EXPECT_EQ(names(*cut->report), std::vector<std::string>{"a"});
  EXPECT_EQ(cut->report->timed_out, std::vector<std::string>{"h"});
  ASSERT_EQ(errors(*cut->report).size(), 2U);
  EXPECT_EQ(errors(*cut->report)[1],
            "collector z: the others left it no time; its metrics are left out");
  gate->open();
}

TEST(PosixGathering, CollectsASubsetInItsOwnOrderAndRefusesWhatIsNoneOfItsCollectors) {
  PosixGathering gathering(host(), {well("a"), well("b"), well("c")}, kPatient);
  EXPECT_EQ(names(*gathering.gather({"c", "a", "c"}, kLong)->report),
            (std::vector<std::string>{"a", "c"}));
  const auto refused = gathering.gather({"a", "x"}, kLong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            (Error{Code::InvalidArgument, "there is no collector x, or it is disabled"}));
}

TEST(PosixGathering, ACollectorThatThrowsFailsByName) {
  Collector bad{"bad", true, [](const HostFs&, Complaints&) -> Result<Families> {
                  throw std::length_error("too long");
                }};
  PosixGathering gathering(host(), {std::move(bad), well("z")}, kPatient);
  const auto got = gathering.gather({}, kLong);
  EXPECT_EQ(names(*got->report), std::vector<std::string>{"z"});
  EXPECT_EQ(errors(*got->report),
            std::vector<std::string>{"collector bad: too long; its metrics are left out"});
}

TEST(PosixGathering, WhoAsksWhileTheSameIsCollectedStartsNothingAndWaitsInItsOwnTime) {
  const auto gate = std::make_shared<Gate>();
  PosixGathering gathering(host(), {well("a"), hanging("h", gate)}, kPatient);
  Result<PosixGathering::Gathered> leader;
  std::thread other([&] { leader = gathering.gather({}, kLong); });
  gate->wait_for(1);
  const auto hasty = gathering.gather({"h", "a"}, milliseconds(1));
  EXPECT_FALSE(hasty->first);
  EXPECT_EQ(successes(*hasty->report), (std::map<std::string, double>{{"a", 0}, {"h", 0}}));
  gate->open();
  other.join();
  EXPECT_TRUE(leader->first);
  EXPECT_EQ(names(*leader->report), (std::vector<std::string>{"a", "h"}));
  EXPECT_EQ(gate->arrived(), 1);
}

TEST(PosixGathering, WhoHasTimeDoesNotShareWhatAHastyOneCutOff) {
  const auto slow = std::make_shared<Gate>();
  Collector passes{"slow", true, [slow](const HostFs&, Complaints&) -> Result<Families> {
                     slow->pass();
                     return Families{};
                   }};
  PosixGathering gathering(host(), {std::move(passes), well("z")}, kHasty);
  Result<PosixGathering::Gathered> hasty;
  std::thread other([&] { hasty = gathering.gather({}, milliseconds(100)); });
  slow->wait_for(1);
  std::thread opener([&] {
    while (gathering.parked() == 0) std::this_thread::yield();  // the hasty one has given up
    slow->open();
  });
  const auto whole = gathering.gather({}, kLong);
  opener.join();
  other.join();
  EXPECT_TRUE(whole->first);
  EXPECT_NE(whole->report, hasty->report);
  EXPECT_EQ(names(*whole->report).back(), "z");
}

TEST(PosixGathering, WhatAHastyAskerCutsOffIsNoErrorOfACollector) {
  const auto gate = std::make_shared<Gate>();
  PosixGathering gathering(host(), {hanging("h", gate), well("z")}, kPatient);
  const auto hasty = gathering.gather({}, milliseconds(20));
  EXPECT_EQ(successes(*hasty->report).at("h"), 0);
  EXPECT_EQ(errors(*hasty->report), std::vector<std::string>{});
  EXPECT_TRUE(hasty->report->timed_out.empty());
  gate->open();
}

TEST(PosixGathering, AnotherSetWaitsForItsTurnInItsOwnTime) {
  const auto gate = std::make_shared<Gate>();
  PosixGathering gathering(host(), {well("a"), hanging("h", gate)}, kPatient);
  std::thread other([&] { EXPECT_TRUE(gathering.gather({}, kLong)); });
  gate->wait_for(1);
  const auto hasty = gathering.gather({"a"}, milliseconds(1));
  EXPECT_EQ(successes(*hasty->report), (std::map<std::string, double>{{"a", 0}}));
  std::thread opens([&] { gate->open(); });
  EXPECT_EQ(names(*gathering.gather({"a"}, kLong)->report), std::vector<std::string>{"a"});
  opens.join();
  other.join();
}

TEST(PosixGathering, EveryReportIsOfOneRunAndOneOfItsReadersIsTheFirst) {
  std::atomic<int> runs = 0;
  Collector counted{"counted", true, [&](const HostFs&, Complaints&) -> Result<Families> {
                      ++runs;
                      return Families{};
                    }};
  PosixGathering gathering(host(), {std::move(counted)}, kPatient);
  std::mutex mutex;
  std::set<std::shared_ptr<const HostReport>> reports;
  int firsts = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 8; ++reader) {
    readers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto got = gathering.gather({}, kLong);
        const std::lock_guard lock(mutex);
        reports.insert(got->report);
        firsts += got->first ? 1 : 0;
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(runs, firsts);
  EXPECT_EQ(reports.size(), static_cast<std::size_t>(firsts));
}

TEST(PosixGathering, NoCollectorRunsTwiceAtTheSameTimeWhateverSetsAreAskedFor) {
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  Collector alone{"alone", true, [&](const HostFs&, Complaints&) -> Result<Families> {
                    most = std::max(most.load(), ++inside);
                    std::this_thread::yield();
                    --inside;
                    return Families{};
                  }};
  PosixGathering gathering(host(), {std::move(alone), well("b"), well("c")}, kPatient);
  const std::vector<std::vector<std::string>> sets{{}, {"alone"}, {"alone", "b"}, {"alone", "c"}};
  std::vector<std::thread> readers;
  for (const auto& set : sets) {
    readers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(successes(*gathering.gather(set, kLong)->report).at("alone"), 1);
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace muster::collector
