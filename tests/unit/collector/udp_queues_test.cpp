#include "collector/udp_queues.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::string kHeader =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

TEST(UdpQueues, AreSummedOverTheSocketsOfEachVersionOfIp) {
  MadeUpHost machine;
  machine.files = {
      {"/proc/net/udp",
       kHeader + "  412: 0100007F:0035 00000000:0000 07 00000010:00000300 00:00000000 00000000\n" +
           " 4871: 00000000:0202 00000000:0000 07 00000A00:00000001 00:00000000 00000000\n"},
      {"/proc/net/udp6", kHeader}};
  EXPECT_EQ(samples_text(collect_udp_queues(machine)),
            "node_udp_queues{ip=\"v4\",queue=\"rx\"} 769\n"
            "node_udp_queues{ip=\"v4\",queue=\"tx\"} 2576\n"
            "node_udp_queues{ip=\"v6\",queue=\"rx\"} 0\n"
            "node_udp_queues{ip=\"v6\",queue=\"tx\"} 0\n");
}

TEST(UdpQueues, AKernelWithOneVersionOfIpShowsThatAndOneWithoutHasNoData) {
  MadeUpHost machine;
  machine.files = {{"/proc/net/udp6", kHeader}};
  EXPECT_EQ(samples_text(collect_udp_queues(machine)),
            "node_udp_queues{ip=\"v6\",queue=\"rx\"} 0\n"
            "node_udp_queues{ip=\"v6\",queue=\"tx\"} 0\n");
  machine.files.clear();
  const auto none = collect_udp_queues(machine);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::NotFound);
}

TEST(UdpQueues, WhatIsNotAListOfSocketsIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"0: a b c 0:0\n", "does not begin with its header line"},
      {kHeader + "0: a b c 0:0", "is cut off"},
      {kHeader + "0: a b c\n", "has no tx_queue:rx_queue"},
      {kHeader + "0: a b c 00\n", "has no tx_queue:rx_queue"},
      {kHeader + "0: a b c 0:x\n", "has no tx_queue:rx_queue"},
  };
  for (const auto& [text, why] : cases) {
    MadeUpHost machine;
    machine.files["/proc/net/udp"] = text;
    expect_refusal(collect_udp_queues(machine), "udp_queues", why);
  }
}

}  // namespace
}  // namespace muster::collector
