#include "collector/cpu.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

constexpr const char* kStat =
    "cpu  3180 7 1948 167617 1124 0 37 558 9 1\n"
    "cpu0 1284 3 721 84960 44 0 13 250 4 0\n"
    "cpu1 1896 4 1226 82656 1080 0 24 308 5 1\n"
    "intr 136721 0 0 0\n"
    "ctxt 289013\n";

// The one sample of `family` with these labels; NaN, and so equal to nothing, when there is none.
double value_of(const Family& family, const std::string& cpu, const std::string& mode) {
  for (const Sample& sample : family.samples) {
    if (sample.labels == decltype(sample.labels){{"cpu", cpu}, {"mode", mode}}) return sample.value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

CpuTimes times_with(CpuMode mode, std::uint64_t ticks) {
  CpuTimes times{};
  times[static_cast<std::size_t>(mode)] = ticks;
  return times;
}

TEST(Cpu, EveryModeOfEveryCpuIsInSeconds) {
  CpuCounters counters;
  const auto families = parse_cpu(kStat, counters);
  ASSERT_TRUE(families) << families.error().text;
  ASSERT_EQ(families->size(), 2U);

  const Family& guest = (*families)[0];
  EXPECT_EQ(guest.name, "node_cpu_guest_seconds_total");
  EXPECT_EQ(guest.help, "Seconds the CPUs spent in guests (VMs) for each mode.");
  EXPECT_EQ(guest.type, MetricType::Counter);
  EXPECT_EQ(guest.samples.size(), 4U);
  EXPECT_EQ(value_of(guest, "0", "user"), 0.04);
  EXPECT_EQ(value_of(guest, "1", "nice"), 0.01);

  const Family& all = (*families)[1];
  EXPECT_EQ(all.name, "node_cpu_seconds_total");
  EXPECT_EQ(all.help, "Seconds the CPUs spent in each mode.");
  EXPECT_EQ(all.type, MetricType::Counter);
  EXPECT_EQ(all.samples.size(), 16U);
  const std::pair<const char*, double> expected[] = {
      {"user", 18.96},   {"nice", 0.04}, {"system", 12.26}, {"idle", 826.56},
      {"iowait", 10.80}, {"irq", 0},     {"softirq", 0.24}, {"steal", 3.08}};
  for (const auto& [mode, value] : expected) EXPECT_EQ(value_of(all, "1", mode), value) << mode;
}

TEST(Cpu, WhatIsNotAStatFileIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"cpu0 1284 3 721 84960 44 0 13 250 4 0", "is cut off"},
      {"cpu0 1284 3 721 84960 44 0 13 250 4\n", "does not hold 10 counters"},
      {"cpu0 1284 3 721 84960 44 0 13 250 4 -1\n", "does not hold 10 counters"},
      {"cpu0 1284 3 721 8x 44 0 13 250 4 0\n", "does not hold 10 counters"},
      {"cpu0 99999999999999999999999 3 721 8 44 0 13 250 4 0\n", "does not hold 10 counters"},
      {"cpux 1 2 3 4 5 6 7 8 9 10\n", "names no CPU"},
      {"cpu4294967296 1 2 3 4 5 6 7 8 9 10\n", "names no CPU"},
      {"cpu0 1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n", "line 2"},
      {"cpu  1 2 3 4 5 6 7 8 9 10\nctxt 1\n", "has no line of a CPU"},
      {std::string("\0\xFF\x1B[2J\n", 7), "has no line of a CPU"},
  };
  for (const auto& [text, why] : cases) {
    CpuCounters counters;
    const auto families = parse_cpu(text, counters);
    ASSERT_FALSE(families) << text;
    EXPECT_EQ(families.error().text.find("collector cpu: /proc/stat "), 0U);
    EXPECT_NE(families.error().text.find(why), std::string::npos) << families.error().text;
  }
}

TEST(Cpu, GarbageReachesAnErrorTextBoundedAndPrintable) {
  CpuCounters counters;
  const auto families = parse_cpu("cpu0 " + std::string(100'000, '\x1B') + "\n", counters);
  ASSERT_FALSE(families);
  EXPECT_LT(families.error().text.size(), 200U);
  EXPECT_EQ(families.error().text.find('\x1B'), std::string::npos);
}

TEST(Cpu, RefusedTextLeavesTheCountersAlone) {
  CpuCounters counters;
  counters.update({{0, times_with(CpuMode::User, 500)}});
  EXPECT_FALSE(parse_cpu("cpu0 9 9\n", counters));
  const auto& after = counters.update({{0, times_with(CpuMode::User, 400)}});
  EXPECT_EQ(after.at(0), times_with(CpuMode::User, 500));
}

TEST(CpuCounters, IgnoresADropOfOneCounterAndTakesTheOthers) {
  CpuCounters counters;
  CpuTimes before = times_with(CpuMode::Iowait, 100);
  before[0] = 50;
  counters.update({{0, before}});
  CpuTimes later = times_with(CpuMode::Iowait, 99);
  later[0] = 60;
  const CpuTimes published = counters.update({{0, later}}).at(0);
  EXPECT_EQ(published[static_cast<std::size_t>(CpuMode::Iowait)], 100U);
  EXPECT_EQ(published[0], 60U);
}

TEST(CpuCounters, StartsOneCpuOverWhenItsIdleTimeDropsByThreeSeconds) {
  CpuTimes full{};
  full.fill(1000);
  struct Case {
    std::uint64_t idle_after;
    bool starts_over;
  };
  for (const auto& [idle_after, starts_over] : {Case{701, false}, Case{700, true}}) {
    CpuCounters counters;
    counters.update({{0, full}, {1, full}});
    const CpuTimes low = times_with(CpuMode::Idle, idle_after);
    const CpuTable after = counters.update({{0, full}, {1, low}});
    EXPECT_EQ(after.at(0), full);
    EXPECT_EQ(after.at(1), starts_over ? low : full) << idle_after;
  }
}

TEST(CpuCounters, ForgetACpuThatWentOffAndKeepTheOthers) {
  const CpuTimes high = times_with(CpuMode::User, 1000);
  const CpuTimes low = times_with(CpuMode::User, 10);
  CpuCounters counters;
  counters.update({{0, high}, {1, high}});
  EXPECT_EQ(counters.update({{0, low}}), (CpuTable{{0, high}}));
  EXPECT_EQ(counters.update({{0, low}, {1, low}}), (CpuTable{{0, high}, {1, low}}));
  EXPECT_EQ(counters.published(), (CpuTable{{0, high}, {1, low}}));
}

}  // namespace
}  // namespace muster::collector
