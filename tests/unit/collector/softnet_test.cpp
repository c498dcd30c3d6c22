#include "collector/softnet.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"

namespace muster::collector {
namespace {

TEST(Softnet, EachCpuShowsItsHexadecimalCounters) {
  EXPECT_EQ(samples_text(parse_softnet("000000ff 00000001 00000002 00000000 00000000 00000000 "
                                       "00000000 00000000 00000003 00000004 00000005 00000006 "
                                       "0000000a 00000000 00000000\n",
                                       false)),
            "node_softnet_backlog_len{cpu=\"10\"} 6\n"
            "node_softnet_cpu_collision_total{cpu=\"10\"} 3\n"
            "node_softnet_dropped_total{cpu=\"10\"} 1\n"
            "node_softnet_flow_limit_count_total{cpu=\"10\"} 5\n"
            "node_softnet_processed_total{cpu=\"10\"} 255\n"
            "node_softnet_received_rps_total{cpu=\"10\"} 4\n"
            "node_softnet_times_squeezed_total{cpu=\"10\"} 2\n");
}

TEST(Softnet, AnOlderKernelsLinesAreCpusInTheirOrderAndVersion15ShowsThree) {
  EXPECT_EQ(samples_text(parse_softnet("1 2 3 0 0 0 0 0 4\n5 6 7 0 0 0 0 0 8\n", true)),
            "node_softnet_dropped_total{cpu=\"0\"} 2\n"
            "node_softnet_dropped_total{cpu=\"1\"} 6\n"
            "node_softnet_processed_total{cpu=\"0\"} 1\n"
            "node_softnet_processed_total{cpu=\"1\"} 5\n"
            "node_softnet_times_squeezed_total{cpu=\"0\"} 3\n"
            "node_softnet_times_squeezed_total{cpu=\"1\"} 7\n");
}

TEST(Softnet, WhatIsNotASoftnetFileIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"1 2 3 4 5 6 7 8 9", "is cut off"},
      {"1 2 3 4 5 6 7 8\n", "has too few columns"},
      {"1 2 3 4 5 6 7 8 -9\n", "holds no hexadecimal numbers"},
      {"1 2 3 4 5 6 7 8 9 a b c 0\n1 2 3 4 5 6 7 8 9 a b c 0\n", "line 2"},
  };
  for (const auto& [text, why] : cases) {
    expect_refusal(parse_softnet(text, false), "softnet", why);
  }
}

}  // namespace
}  // namespace muster::collector
