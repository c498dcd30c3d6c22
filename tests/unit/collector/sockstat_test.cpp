#include "collector/sockstat.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

TEST(Sockstat, BothFilesAreShownAndPagesInBytesToo) {
  MadeUpHost machine;
  machine.page = 65536;
  machine.files = {{"/proc/net/sockstat",
                    "sockets: used 312\nTCP: inuse 41 orphan 1 tw 58 alloc 63 mem 2\n"
                    "FRAG: inuse 0 memory 5 later 9\n"},
                   {"/proc/net/sockstat6", "TCP6: inuse 12\n"}};
  EXPECT_EQ(samples_text(collect_sockstat(machine)),
            "node_sockstat_sockets_used 312\nnode_sockstat_TCP_inuse 41\n"
            "node_sockstat_TCP_orphan 1\nnode_sockstat_TCP_tw 58\nnode_sockstat_TCP_alloc 63\n"
            "node_sockstat_TCP_mem 2\nnode_sockstat_TCP_mem_bytes 131072\n"
            "node_sockstat_FRAG_inuse 0\nnode_sockstat_FRAG_memory 5\n"
            "node_sockstat_TCP6_inuse 12\n");
  machine.files.erase("/proc/net/sockstat");
  EXPECT_EQ(samples_text(collect_sockstat(machine)), "node_sockstat_TCP6_inuse 12\n");
  machine.files.clear();
  EXPECT_EQ(samples_text(collect_sockstat(machine)), "");
  machine.broken["/proc/net/sockstat6"] = {Code::Internal, "no"};
  EXPECT_FALSE(collect_sockstat(machine));
}

TEST(Sockstat, WhatIsNotASockstatFileIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"TCP: inuse 41", "is cut off"},
      {"TCP inuse 41\n", "does not begin with a protocol and a colon"},
      {"\n", "does not begin with a protocol and a colon"},
      {"T{}: inuse 41\n", "does not begin with a protocol and a colon"},
      {"TCP: inuse\n", "has a state without a number"},
      {"TCP: inuse -4\n", "has a state without a number"},
      {"TCP: inuse 1 inuse 2\n", "says something for the second time"},
      {"TCP: inuse 1\nTCP: inuse 2\n", "line 2"},
  };
  for (const auto& [text, why] : cases) {
    expect_refusal(parse_sockstat("/proc/net/sockstat", text, 4096), "sockstat", why);
  }
  std::string many;
  for (int i = 0; i < 300; ++i) many += "P" + std::to_string(i) + ": inuse 1\n";
  expect_refusal(parse_sockstat("/proc/net/sockstat", many, 4096), "sockstat", "more states");
}

}  // namespace
}  // namespace muster::collector
