#include "collector/stat.h"

#include <string>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

const std::string kStat =
    "cpu  3180 0 1948 167617 1124 0 37 558 0 0\n"
    "cpu0 1284 0 721 84960 44 0 13 250 0 0\n"
    "intr 136721 0 0 13 174\n"
    "ctxt 289013\n"
    "btime 1795221526\n"
    "processes 6808\n"
    "procs_running 3\n"
    "procs_blocked 1\n"
    "softirq 98173 0 13279\n";

TEST(Stat, TheSixLinesBecomeTheirFamilies) {
  const auto families = parse_stat(kStat);
  ASSERT_TRUE(families) << families.error().text;
  const auto gauge = MetricType::Gauge;
  const auto counter = MetricType::Counter;
  EXPECT_EQ(
      *families,
      (Families{
          {"node_boot_time_seconds", "Node boot time, in unixtime.", gauge, {{{}, 1795221526}}},
          {"node_context_switches_total",
           "Total number of context switches.",
           counter,
           {{{}, 289013}}},
          {"node_forks_total", "Total number of forks.", counter, {{{}, 6808}}},
          {"node_intr_total", "Total number of interrupts serviced.", counter, {{{}, 136721}}},
          {"node_procs_blocked",
           "Number of processes blocked waiting for I/O to complete.",
           gauge,
           {{{}, 1}}},
          {"node_procs_running", "Number of processes in runnable state.", gauge, {{{}, 3}}}}));
}

TEST(Stat, EachOfItsLinesIsNeeded) {
  for (const std::string key :
       {"intr", "ctxt", "btime", "processes", "procs_running", "procs_blocked"}) {
    std::string text = kStat;
    const std::size_t begin = text.find(key + " ");
    text.erase(begin, text.find('\n', begin) + 1 - begin);
    const auto families = parse_stat(text);
    ASSERT_FALSE(families) << key;
    EXPECT_EQ(families.error().text,
              "collector stat: /proc/stat has no line " + key + "; its metrics are left out");
  }
}

TEST(Stat, WhatIsNotAStatFileIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"intr 136721 0 0\nctxt 28", "is cut off"},
      {"ctxt\n", "does not hold a number"},
      {"ctxt many\n", "does not hold a number"},
      {std::string("\0\xFF\n", 3), "has no line btime"},
  };
  for (const auto& [text, why] : cases) {
    const auto families = parse_stat(text);
    ASSERT_FALSE(families) << text;
    EXPECT_EQ(families.error().text.find("collector stat: /proc/stat "), 0U);
    EXPECT_NE(families.error().text.find(why), std::string::npos) << families.error().text;
  }
}

}  // namespace
}  // namespace muster::collector
