#include "collector/netdev.h"

#include <string>

#include <gtest/gtest.h>

#include "collector/family_table.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::string kHeader =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n";

TEST(Netdev, EachColumnBecomesOneCounterByDevice) {
  const auto families =
      parse_netdev(kHeader +
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

TEST(Netdev, WhatIsNotANetDevFileIsRefusedWithTheReason) {
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
    const auto families = parse_netdev(text);
    ASSERT_FALSE(families) << text;
    EXPECT_EQ(families.error().text.find("collector netdev: /proc/net/dev "), 0U);
    EXPECT_NE(families.error().text.find(why), std::string::npos) << families.error().text;
  }
}

struct TwoDevices : MadeUpHost {
  TwoDevices() {
    files["/proc/net/dev"] = kHeader + "lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n" +
                             "eth0: 21 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
    files["/sys/class/net/lo/statistics/rx_nohandler"] = "0\n";
    files["/sys/class/net/eth0/statistics/rx_nohandler"] = "12\n";
  }
};

TEST(Netdev, WhatNobodyTookComesFromSys) {
  const auto families = collect_netdev(TwoDevices(), {});
  ASSERT_TRUE(families) << families.error().text;
  ASSERT_EQ(families->size(), 17U);
  EXPECT_EQ(families->back(), (Family{"node_network_receive_nohandler_total",
                                      "Network device statistic receive_nohandler.",
                                      MetricType::Counter,
                                      {{{{"device", "lo"}}, 0}, {{{"device", "eth0"}}, 12}}}));
}

TEST(Netdev, ADeviceThatIsNotWantedOrHasNoSuchCounterHasNoSample) {
  TwoDevices host;
  const auto one = collect_netdev(host, [](std::string_view device) { return device != "lo"; });
  ASSERT_TRUE(one);
  for (const Family& family : *one) {
    ASSERT_EQ(family.samples.size(), 1U) << family.name;
    EXPECT_EQ(family.samples[0].labels, (SampleLabels{{"device", "eth0"}}));
  }
  host.files.erase("/sys/class/net/eth0/statistics/rx_nohandler");
  const auto older = collect_netdev(host, {});
  ASSERT_TRUE(older);
  EXPECT_EQ(older->back().samples.size(), 1U);
  EXPECT_EQ(older->front().samples.size(), 2U);
}

TEST(Netdev, AMissingFileIsNoDataAndGarbageInSysIsRefused) {
  TwoDevices host;
  host.files["/sys/class/net/lo/statistics/rx_nohandler"] = "many\n";
  const auto garbage = collect_netdev(host, {});
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().text,
            "collector netdev: /sys/class/net/lo/statistics/rx_nohandler does not hold a count; "
            "its metrics are left out");
  EXPECT_EQ(collect_netdev(MadeUpHost(), {}).error().code, Code::NotFound);
}

}  // namespace
}  // namespace muster::collector
