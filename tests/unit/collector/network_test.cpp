#include "collector/network.h"

#include <string>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

const std::string kHeader =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n";

TEST(Network, EachColumnBecomesOneCounterByDevice) {
  const auto families =
      parse_network(kHeader +
                    "    lo:    3267      29    0    0    0     0          0         0     3267    "
                    "  29    0    0 "
                    "   0     0       0          0\n"
                    "eth0:1:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
  ASSERT_TRUE(families) << families.error().text;
  const std::string columns[] = {
      "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
      "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
      "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
      "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed"};
  const double loopback[] = {3267, 29, 0, 0, 0, 0, 0, 0, 3267, 29, 0, 0, 0, 0, 0, 0};
  ASSERT_EQ(families->size(), std::size(columns));
  for (std::size_t i = 0; i < families->size(); ++i) {
    const double second = i == 0 ? 18446744073709551616.0 : static_cast<double>(i + 1);
    EXPECT_EQ((*families)[i],
              (Family{"node_network_" + columns[i] + "_total",
                      "Network device statistic " + columns[i] + ".",
                      MetricType::Counter,
                      {{{{"device", "lo"}}, loopback[i]}, {{{"device", "eth0:1"}}, second}}}));
  }
}

TEST(Network, WhatIsNotANetDevFileIsRefusedWithTheReason) {
  const std::string numbers = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"Inter-|\n", "does not begin with its two header lines"},
      {"lo:" + numbers + "eth0:" + numbers, "does not begin with its two header lines"},
      {kHeader, "has no line of a device"},
      {kHeader + "  lo: 1 2 3", "is cut off"},
      {kHeader + "  lo: 1 2 3\n", "does not hold 16 counters"},
      {kHeader + "  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x\n", "does not hold 16 counters"},
      {kHeader + "  lo" + numbers, "names no device"},
      {kHeader + "    :" + numbers, "names no device"},
      {kHeader + "\n", "names no device"},
      {kHeader + "lo:" + numbers + "lo:" + numbers, "line 4"},
      {std::string("\0\xFF\n\x80\n", 5), "does not begin with its two header lines"},
  };
  for (const auto& [text, why] : cases) {
    const auto families = parse_network(text);
    ASSERT_FALSE(families) << text;
    EXPECT_EQ(families.error().text.find("collector netdev: /proc/net/dev "), 0U);
    EXPECT_NE(families.error().text.find(why), std::string::npos) << families.error().text;
  }
}

}  // namespace
}  // namespace muster::collector
