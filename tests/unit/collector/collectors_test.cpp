#include "collector/collectors.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

Collect collector_of(const std::string& name, const CollectorOptions& options) {
  for (const Collector& collector : all_collectors(options)) {
    if (collector.name == name) return collector.collect;
  }
  return [](const HostFs&, Complaints&) -> Result<Families> {
    return fail(Code::InvalidArgument, "no such collector");
  };
}

TEST(Collectors, AreInTheOrderOfTheirNamesEachOnce) {
  std::vector<std::string> names;
  for (const Collector& collector : all_collectors({})) names.push_back(collector.name);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(Collectors, CpuKeepsItsCountersBetweenScrapes) {
  MadeUpHost machine;
  machine.files["/proc/stat"] = "cpu0 1284 0 721 84960 44 0 13 250 0 0\n";
  const Collect cpu = collector_of("cpu", {});
  Complaints complaints;
  const std::string before = samples_text(cpu(machine, complaints));
  EXPECT_NE(before.find("node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 12.84\n"),
            std::string::npos);
  machine.files["/proc/stat"] = "cpu0 1283 0 721 84960 44 0 13 250 0 0\n";
  EXPECT_EQ(samples_text(cpu(machine, complaints)), before);
}

TEST(Collectors, TheCpuCollectorShowsTimesThrottlingAndOnDemandWhatTheCpusAre) {
  MadeUpHost machine;
  machine.files = {{"/proc/stat", "cpu0 100 0 0 0 0 0 0 0 0 0\n"},
                   {"/proc/cpuinfo", "processor\t: 0\n"},
                   {"/sys/devices/system/cpu/isolated", "0\n"}};
  Complaints complaints;
  const std::string plain = samples_text(collector_of("cpu", {})(machine, complaints));
  EXPECT_NE(plain.find("node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 1\n"), std::string::npos);
  EXPECT_NE(plain.find("node_cpu_isolated{cpu=\"0\"} 1\n"), std::string::npos);
  EXPECT_EQ(plain.find("node_cpu_info"), std::string::npos);
  CollectorOptions options;
  options.cpu_info = true;
  const std::string more = samples_text(collector_of("cpu", options)(machine, complaints));
  EXPECT_NE(more.find("node_cpu_info{"), std::string::npos);
  EXPECT_TRUE(complaints.empty());
}

}  // namespace
}  // namespace muster::collector
