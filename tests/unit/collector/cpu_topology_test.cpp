#include "collector/cpu_topology.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::string kCpus = "/sys/devices/system/cpu/";

// Counts what is read.
struct Machine : MadeUpHost {
  mutable std::multiset<std::string> reads;
  [[nodiscard]] Result<std::string> read(std::string_view path) const override {
    reads.insert(std::string(path));
    return MadeUpHost::read(path);
  }
  void add_cpu(int cpu, int core, const std::string& throttled) {
    const std::string directory = kCpus + "cpu" + std::to_string(cpu) + "/";
    files[directory + "topology/physical_package_id"] = "0\n";
    files[directory + "topology/core_id"] = std::to_string(core) + "\n";
    files[directory + "thermal_throttle/core_throttle_count"] = throttled + "\n";
    files[directory + "thermal_throttle/package_throttle_count"] = "30\n";
  }
  void remove_cpu(int cpu) {
    const std::string directory = kCpus + "cpu" + std::to_string(cpu) + "/";
    std::erase_if(files, [&](const auto& file) { return file.first.starts_with(directory); });
  }
};

// Two cores of one package; the first has two CPUs.
struct HotMachine : Machine {
  HotMachine() {
    add_cpu(0, 0, "5");
    add_cpu(1, 0, "5");
    add_cpu(2, 1, "12");
    files[kCpus + "isolated"] = "1-2\n";
  }
};

CpuTable on(std::initializer_list<std::uint32_t> cpus) {
  CpuTable table;
  for (const std::uint32_t cpu : cpus) table[cpu] = {};
  return table;
}

TEST(CpuTopology, EachCoreAndEachPackageIsCountedOnce) {
  CpuTopology topology(false);
  EXPECT_EQ(samples_text(topology.collect(HotMachine(), on({0, 1, 2}))),
            "node_cpu_core_throttles_total{core=\"0\",package=\"0\"} 5\n"
            "node_cpu_core_throttles_total{core=\"1\",package=\"0\"} 12\n"
            "node_cpu_isolated{cpu=\"1\"} 1\nnode_cpu_isolated{cpu=\"2\"} 1\n"
            "node_cpu_package_throttles_total{package=\"0\"} 30\n");
}

TEST(CpuTopology, AScrapeReadsOneFileACoreAndAPackage) {
  const HotMachine machine;
  CpuTopology topology(false);
  ASSERT_TRUE(topology.collect(machine, on({0, 1, 2})));
  machine.reads.clear();
  ASSERT_TRUE(topology.collect(machine, on({0, 1, 2})));
  EXPECT_EQ(machine.reads,
            (std::multiset<std::string>{kCpus + "cpu0/thermal_throttle/core_throttle_count",
                                        kCpus + "cpu0/thermal_throttle/package_throttle_count",
                                        kCpus + "cpu2/thermal_throttle/core_throttle_count"}));
}

TEST(CpuTopology, LooksAgainWhenOtherCpusAreOnOrAFileIsGone) {
  HotMachine machine;
  CpuTopology topology(false);
  ASSERT_TRUE(topology.collect(machine, on({0, 1, 2})));
  machine.remove_cpu(0);
  // CPU 0 went off between the look at /proc/stat and this one.
  EXPECT_EQ(samples_text(topology.collect(machine, on({0, 1, 2}))).find("core=\"0\""),
            std::string::npos);
  for (const CpuTable& cpus : {on({0, 1, 2}), on({1, 2})}) {  // now CPU 1 tells of their core
    const std::string after = samples_text(topology.collect(machine, cpus));
    EXPECT_NE(after.find("node_cpu_core_throttles_total{core=\"0\",package=\"0\"} 5\n"),
              std::string::npos);
    EXPECT_NE(after.find("node_cpu_package_throttles_total{package=\"0\"} 30\n"),
              std::string::npos);
  }
  machine.add_cpu(4, 2, "77");
  EXPECT_NE(samples_text(topology.collect(machine, on({1, 2, 4}))).find("core=\"2\""),
            std::string::npos);
}

TEST(CpuTopology, WhichCpusAreOnIsShownWhereTheFirstCanGoOff) {
  Machine machine;
  machine.files = {{kCpus + "cpu0/online", "1\n"},
                   {kCpus + "cpu1/online", "0\n"},
                   {kCpus + "cpu10/online", "1\n"},
                   {kCpus + "cpuidle/current_driver", "none\n"},
                   {kCpus + "isolated", "\n"}};
  CpuTopology topology(false);
  EXPECT_EQ(samples_text(topology.collect(machine, on({0, 10}))),
            "node_cpu_online{cpu=\"0\"} 1\nnode_cpu_online{cpu=\"1\"} 0\n"
            "node_cpu_online{cpu=\"10\"} 1\n");
  CpuTopology old(true);
  EXPECT_EQ(samples_text(old.collect(machine, on({0, 10}))), "");
  machine.files.erase(kCpus + "cpu0/online");
  machine.files[kCpus + "cpu0/topology/core_id"] = "0\n";
  CpuTopology other(false);
  EXPECT_EQ(samples_text(other.collect(machine, on({0, 10}))), "");
}

TEST(CpuTopology, AMachineThatTellsNothingIsWell) {
  CpuTopology topology(false);
  EXPECT_EQ(samples_text(topology.collect(MadeUpHost(), on({0}))), "");
  HotMachine machine;
  machine.files[kCpus + "cpu0/topology/physical_package_id"] = "-1\n";
  CpuTopology other(false);
  EXPECT_NE(samples_text(other.collect(machine, on({0, 1, 2}))).find("core=\"0\""),
            std::string::npos);  // told by CPU 1
}

TEST(CpuTopology, WhatIsNotUnderstoodFailsTheCollectorByName) {
  HotMachine machine;
  machine.files[kCpus + "cpu2/thermal_throttle/core_throttle_count"] = "often\n";
  CpuTopology topology(false);
  expect_refusal(topology.collect(machine, on({0, 1, 2})), "cpu", "core_throttle_count");
  machine.files[kCpus + "isolated"] = "0-4294967295\n";
  CpuTopology other(false);
  for (int scrape = 0; scrape < 2; ++scrape) {
    expect_refusal(other.collect(machine, on({0, 1, 2})), "cpu", "isolated");
  }
}

}  // namespace
}  // namespace muster::collector
