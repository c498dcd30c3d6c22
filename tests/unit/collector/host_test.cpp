#include "collector/host.h"

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "collector/collectors.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::map<std::string, std::string, std::less<>> kFiles{
    {"/proc/stat",
     "cpu0 1284 0 721 84960 44 0 13 250 0 0\ncpu1 1896 0 1226 82656 1080 0 24 308 0 0\n"
     "intr 136721 0 0\nctxt 289013\nbtime 1795221526\nprocesses 6808\nprocs_running 3\n"
     "procs_blocked 0\n"},
    {"/proc/loadavg", "0.00 0.01 0.01 3/96 6807\n"},
    {"/proc/meminfo", "MemTotal: 24684096 kB\nMemFree: 24486428 kB\n"},
    {"/proc/net/dev",
     "Inter-|   Receive  |  Transmit\n face |bytes |bytes\n"
     "    lo: 3267 29 0 0 0 0 0 0 3267 29 0 0 0 0 0 0\n"}};

struct Machine : MadeUpHost {  // and a stopwatch that moves 1 ms a look
  Machine() { files = kFiles; }
  int looks = 0;

  HostCollectors collectors() {
    return HostCollectors(*this, all_collectors({}),
                          [this] { return Duration(std::chrono::milliseconds(++looks)); });
  }
};

std::map<std::string, double> by_collector(const Family& family) {
  std::map<std::string, double> out;
  for (const Sample& sample : family.samples) out[sample.labels.at(0).second] = sample.value;
  return out;
}

bool has(const HostReport& report, const std::string& name) {
  return std::any_of(report.families.begin(), report.families.end(),
                     [&](const Family& family) { return family.name == name; });
}

TEST(Host, EveryCollectorReportsItsSamplesDurationAndSuccess) {
  Machine machine;
  const HostReport report = machine.collectors().collect();
  EXPECT_TRUE(report.errors.empty());
  for (const char* name : {"node_cpu_seconds_total", "node_load1", "node_memory_MemTotal_bytes",
                           "node_network_receive_bytes_total", "node_boot_time_seconds"}) {
    EXPECT_TRUE(has(report, name)) << name;
  }
  const Family& successes = report.families.back();
  EXPECT_EQ(successes.name, "node_scrape_collector_success");
  EXPECT_EQ(by_collector(successes),
            (std::map<std::string, double>{
                {"cpu", 1}, {"loadavg", 1}, {"meminfo", 1}, {"netdev", 1}, {"stat", 1}}));
  const Family& durations = report.families.at(report.families.size() - 2);
  EXPECT_EQ(durations.name, "node_scrape_collector_duration_seconds");
  EXPECT_EQ(by_collector(durations), (std::map<std::string, double>{{"cpu", 0.001},
                                                                    {"loadavg", 0.001},
                                                                    {"meminfo", 0.001},
                                                                    {"netdev", 0.001},
                                                                    {"stat", 0.001}}));
}

TEST(Host, AFailingCollectorLeavesTheOthersUntouched) {
  Machine healthy;
  const Families all = healthy.collectors().collect().families;

  Machine machine;
  machine.files.erase("/proc/meminfo");
  machine.files["/proc/net/dev"] = "garbage\n";
  const HostReport report = machine.collectors().collect();
  EXPECT_EQ(report.errors,
            (std::vector<std::string>{"collector meminfo: cannot read /proc/meminfo: no such file; "
                                      "its metrics are left out",
                                      "collector netdev: /proc/net/dev does not begin with its two "
                                      "header lines; its metrics are left out"}));
  EXPECT_EQ(by_collector(report.families.back()),
            (std::map<std::string, double>{
                {"cpu", 1}, {"loadavg", 1}, {"meminfo", 0}, {"netdev", 0}, {"stat", 1}}));
  EXPECT_FALSE(has(report, "node_memory_MemTotal_bytes"));
  for (const Family& family : all) {
    if (family.name.starts_with("node_memory_") || family.name.starts_with("node_network_"))
      continue;
    EXPECT_TRUE(has(report, family.name)) << family.name;
  }
}

TEST(Host, CpuCountersAreKeptBetweenScrapes) {
  Machine machine;
  HostCollectors collectors = machine.collectors();
  const HostReport before = collectors.collect();
  std::string& stat = machine.files["/proc/stat"];
  stat.replace(stat.find("1284"), 4, "1283");
  const HostReport after = collectors.collect();
  const auto cpu = [](const Family& family) { return family.name == "node_cpu_seconds_total"; };
  EXPECT_EQ(*std::find_if(before.families.begin(), before.families.end(), cpu),
            *std::find_if(after.families.begin(), after.families.end(), cpu));
}

TEST(Capacity, IsAThousandACpuAndAllMemory) {
  const auto capacity = parse_capacity(kFiles.at("/proc/stat"), kFiles.at("/proc/meminfo"));
  ASSERT_TRUE(capacity) << capacity.error().text;
  EXPECT_EQ(*capacity, (Resources{2000, 25276514304ULL}));
}

TEST(Capacity, IsRefusedWhenEitherTextIsNotUnderstoodOrCannotBeTrue) {
  const std::string& stat = kFiles.at("/proc/stat");
  const std::string& meminfo = kFiles.at("/proc/meminfo");
  EXPECT_FALSE(parse_capacity("", meminfo));
  EXPECT_FALSE(parse_capacity(stat, ""));
  EXPECT_FALSE(parse_capacity("ctxt 1\n", meminfo));
  EXPECT_FALSE(parse_capacity(stat, "MemFree: 1 kB\n"));
  EXPECT_FALSE(parse_capacity(stat, "MemTotal: 18446744073709551615 kB\n"));
  std::string many;
  for (int i = 0; i < 65537; ++i) many += "cpu" + std::to_string(i) + " 1 2 3 4 5 6 7 8 9 10\n";
  EXPECT_FALSE(parse_capacity(many, meminfo));
}

}  // namespace
}  // namespace muster::collector
