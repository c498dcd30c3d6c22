#include "collector/vmstat.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"

namespace muster::collector {
namespace {

const std::string kVmstat =
    "nr_free_pages 2283651\npgpgin 5120877\npswpout 261\npgfault 91823044\npgmajfault 20817\n"
    "pgsteal_kswapd 9\noom_kill 2\nthp_fault_alloc 4012\n";

TEST(Vmstat, TheFieldsThatAreKeptAreShown) {
  const Filter paging = [](std::string_view name) { return name.starts_with("pgpg"); };
  const auto families = parse_vmstat(kVmstat, paging);
  EXPECT_EQ(samples_text(families), "node_vmstat_pgpgin 5120877\n");
  ASSERT_TRUE(families);
  EXPECT_EQ(families->front().type, MetricType::Untyped);
  EXPECT_EQ(families->front().help, "/proc/vmstat information field pgpgin.");
  EXPECT_EQ(parse_vmstat(kVmstat, {}).value().size(), 8U);
}

TEST(Vmstat, WhatIsNotAVmstatFileIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"pgpgin 5", "is cut off"},
      {"pgpgin\n", "is not a name and a number"},
      {"pgpgin -1\n", "is not a name and a number"},
      {"pgpgin 1 2\n", "is not a name and a number"},
      {"nr free 1\n", "is not a name and a number"},
      {"pgpg{a=\"b\"} 1\n", "does not begin with a name"},
      {"pgpgin 1\npgpgin 2\n", "repeats the name of an earlier line"},
  };
  for (const auto& [text, why] : cases) expect_refusal(parse_vmstat(text, {}), "vmstat", why);
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "pgpg" + std::to_string(i) + " 1\n";
  expect_refusal(parse_vmstat(many, {}), "vmstat", "has more lines than on any kernel");
}

}  // namespace
}  // namespace muster::collector
