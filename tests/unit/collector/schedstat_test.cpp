#include "collector/schedstat.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"

namespace muster::collector {
namespace {

TEST(Schedstat, TheLastThreeCountersOfEachCpuAreShown) {
  EXPECT_EQ(samples_text(parse_schedstat("version 15\ntimestamp 4297311903\n"
                                         "cpu0 1 2 3 4 5 6 1500000000 250000000 77\n"
                                         "domain0 7 0 0 0\n"
                                         "cpu11 0 0 0 0 0 0 2000000000 0 8\n")),
            "node_schedstat_running_seconds_total{cpu=\"0\"} 1.5\n"
            "node_schedstat_running_seconds_total{cpu=\"11\"} 2\n"
            "node_schedstat_timeslices_total{cpu=\"0\"} 77\n"
            "node_schedstat_timeslices_total{cpu=\"11\"} 8\n"
            "node_schedstat_waiting_seconds_total{cpu=\"0\"} 0.25\n"
            "node_schedstat_waiting_seconds_total{cpu=\"11\"} 0\n");
}

TEST(Schedstat, WhatIsNotASchedstatFileIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"version 15\n", "has no line of a CPU"},
      {"cpu0 1 2 3 4 5 6 7 8 9", "is cut off"},
      {"cpu0 1 2 3 4 5 6 7 8\n", "does not hold 9 counters"},
      {"cpu0 1 2 3 4 5 6 7 8 9 10\n", "does not hold 9 counters"},
      {"cpu0 1 2 3 4 5 6 7 8 x\n", "does not hold 9 counters"},
      {"cpux 1 2 3 4 5 6 7 8 9\n", "names no CPU"},
      {"cpu0 1 2 3 4 5 6 7 8 9\ncpu0 1 2 3 4 5 6 7 8 9\n", "line 2"},
  };
  for (const auto& [text, why] : cases) expect_refusal(parse_schedstat(text), "schedstat", why);
}

}  // namespace
}  // namespace muster::collector
