#include "collector/collectors.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

Families collect(const std::vector<Collector>& collectors, std::string_view name,
                 const HostFs& host) {
  const auto found = std::find_if(collectors.begin(), collectors.end(),
                                  [&](const Collector& one) { return one.name == name; });
  Complaints complaints;
  const auto families = found->collect(host, complaints);
  EXPECT_TRUE(families && complaints.empty());
  return families.value_or(Families{});
}

TEST(Collectors, AreSortedByName) {
  const auto collectors = all_collectors({});
  EXPECT_TRUE(std::is_sorted(collectors.begin(), collectors.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(Collectors, CpuKeepsItsCountersBetweenScrapes) {
  MadeUpHost host;
  host.files["/proc/stat"] = "cpu0 1284 0 721 84960 44 0 13 250 0 0\n";
  const auto collectors = all_collectors({});
  const auto seconds = [&] {
    const Families families = collect(collectors, "cpu", host);
    return *std::find_if(families.begin(), families.end(), [](const Family& family) {
      return family.name == "node_cpu_seconds_total";
    });
  };
  const Family before = seconds();
  host.files["/proc/stat"] = "cpu0 1283 0 721 84960 44 0 13 250 0 0\n";
  EXPECT_EQ(seconds(), before);
}

}  // namespace
}  // namespace muster::collector
