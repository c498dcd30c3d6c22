#include "collector/arp.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"

namespace muster::collector {
namespace {

const std::string kHeader =
    "IP address       HW type     Flags       HW address            Mask     Device\n";
const std::string kArp = kHeader +
                         "192.0.2.1 0x1 0x2 02:fc:00:00:00:05 * eth1\n"
                         "192.0.2.2 0x1 0x0 00:00:00:00:00:00 * eth0\n"
                         "192.0.2.3 0x1 0x2 02:fc:00:00:00:07 * eth1\n";

TEST(Arp, NeighboursAreCountedByDevice) {
  EXPECT_EQ(samples_text(parse_arp(kArp, {})),
            "node_arp_entries{device=\"eth0\"} 1\nnode_arp_entries{device=\"eth1\"} 2\n");
  EXPECT_EQ(samples_text(parse_arp(kArp, [](std::string_view name) { return name == "eth0"; })),
            "node_arp_entries{device=\"eth0\"} 1\n");
  EXPECT_EQ(samples_text(parse_arp(kHeader, {})), "");
}

TEST(Arp, WhatIsNotAnArpTableIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"192.0.2.1 0x1 0x2 02:fc:00:00:00:05 * eth1\n", "does not begin with its header line"},
      {kHeader + "192.0.2.1 0x1", "is cut off"},
      {kHeader + "192.0.2.1 0x1 0x2 02:fc:00:00:00:05 *\n", "does not hold 6 fields"},
      {kHeader + "\n", "does not hold 6 fields"},
  };
  for (const auto& [text, why] : cases) expect_refusal(parse_arp(text, {}), "arp", why);
}

}  // namespace
}  // namespace muster::collector
