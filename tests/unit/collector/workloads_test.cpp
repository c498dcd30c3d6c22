#include "collector/workloads.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

struct Proc {
  std::int64_t parent = 1, session = 1;
  std::uint64_t cpu = 0, start = 100;
  std::uint64_t waited = 0;  // ticks of children
  char state = 'S';
};

struct Machine : MadeUpHost {
  Workloads workloads;
  std::vector<Copy> copies{{"web", 7, 70, 100, 2}};
  mutable std::map<std::string, int> reads;

  Machine() {
    page = 16384;
    run(1, {0, 1, 500, 1});
    run(70, {1, 70, 10, 100});
    files["/proc/self/cgroup"] = "0::/agent\n";
    files["/proc/loadavg"] = "0 0 0 1/2 3\n";
  }
  void run(std::int64_t pid, Proc p) {
    const std::string base = "/proc/" + std::to_string(pid);
    files[base + "/stat"] =
        std::to_string(pid) + " (x) " + p.state + ' ' + std::to_string(p.parent) + " 1 " +
        std::to_string(p.session) + " 0 -1 0 0 0 0 0 " + std::to_string(p.cpu) + " 0 " +
        std::to_string(p.waited) + " 0 20 0 2 0 " + std::to_string(p.start) + " 1000 50 0\n";
    files[base + "/io"] = "read_bytes: 1000\nwrite_bytes: 100\n";
    files[base + "/fd/0"] = files[base + "/fd/1"] = "";
    files[base + "/cgroup"] = "0::/agent\n";
  }
  void end(std::int64_t pid) {
    const std::string base = "/proc/" + std::to_string(pid) + "/";
    std::erase_if(files, [&](const auto& file) { return file.first.starts_with(base); });
  }
  Result<std::string> read(std::string_view path) const override {
    ++reads[std::string(path)];
    return MadeUpHost::read(path);
  }
  // The value of the one copy, or of copy `id`; nothing: it is not shown.
  std::map<std::string, double> scrape(InstanceId id = 7) {
    const auto families = workloads.collect(*this, copies);
    EXPECT_TRUE(families) << families.error().text;
    std::map<std::string, double> values;
    if (!families) return values;
    for (const Family& family : *families) {
      for (const Sample& sample : family.samples) {
        if (sample.labels.at(1).second != std::to_string(id)) continue;
        std::string name = family.name.substr(std::string("muster_workload_").size());
        if (sample.labels.size() == 3) name += ' ' + sample.labels.back().second;
        values[name] = sample.value;
      }
    }
    return values;
  }
  double cpu(InstanceId id = 7) { return scrape(id)["cpu_seconds_total processes"]; }
  double processes(InstanceId id = 7) { return scrape(id)["processes"]; }
};

TEST(Workloads, ACopyIsTheSumOfItsProcesses) {
  Machine machine;
  machine.run(71, {70, 70, 30, 200});
  EXPECT_EQ(machine.scrape(), (std::map<std::string, double>{
                                  {"cpu_seconds_total processes", 0.4},
                                  {"memory_bytes processes", 2 * 50 * 16384.0},
                                  {"io_read_bytes_total processes", 2000},
                                  {"io_write_bytes_total processes", 200},
                                  {"open_fds", 4},
                                  {"threads", 4},
                                  {"processes", 2},
                                  {"restarts_total", 2},
                              }));
}

TEST(Workloads, SamplesNameTheWorkloadTheCopyAndWhereTheyComeFrom) {
  Machine machine;
  const auto families = machine.workloads.collect(machine, machine.copies);
  ASSERT_TRUE(families);
  EXPECT_EQ(families->front().name, "muster_workload_cpu_seconds_total");
  EXPECT_EQ(families->front().type, MetricType::Counter);
  EXPECT_EQ(
      families->front().samples,
      (std::vector<Sample>{{{{"workload", "web"}, {"copy", "7"}, {"source", "processes"}}, 0.1}}));
}

TEST(Workloads, ChildrenAndWhoeverIsInTheSessionBelongToTheCopy) {
  Machine machine;
  machine.run(71, {70, 70, 0, 200});
  machine.run(72, {71, 72, 0, 200});  // a session of its own, but a child
  machine.run(73, {72, 73, 0, 200});  // and its child
  machine.run(74, {1, 70, 0, 300});   // its parent has ended
  machine.run(75, {1, 75, 0, 300});   // nobody's
  machine.run(60, {73, 60, 0, 400});  // with an id below its parent's
  EXPECT_EQ(machine.processes(), 6);
}

TEST(Workloads, ADaemonThatLeftItsParentStaysTheCopys) {
  Machine machine;
  machine.run(71, {70, 70, 0, 200});
  EXPECT_EQ(machine.processes(), 2);
  machine.run(71, {1, 71, 0, 200});
  EXPECT_EQ(machine.processes(), 2);
}

TEST(Workloads, AnotherProcessOfThatIdIsNotCounted) {
  Machine machine;
  machine.run(70, {1, 70, 900, 101});  // not the one that the agent started
  machine.run(71, {70, 70, 900, 200});
  EXPECT_EQ(machine.processes(), 0);
  EXPECT_EQ(machine.cpu(), 0);

  Machine reused;
  reused.run(71, {70, 70, 30, 200});
  EXPECT_DOUBLE_EQ(reused.cpu(), 0.4);
  reused.run(71, {1, 71, 900, 500});
  EXPECT_DOUBLE_EQ(reused.cpu(), 0.4);
  EXPECT_EQ(reused.processes(), 1);
}

TEST(Workloads, AnIdOfAStrangerThatBecameTheCopysIsFoundSoon) {
  Machine machine;
  machine.run(71, {1, 71, 0, 150});
  EXPECT_EQ(machine.processes(), 1);
  machine.run(71, {70, 70, 0, 900});
  double processes = 0;
  for (int scrape = 0; scrape < 16; ++scrape) processes = machine.processes();
  EXPECT_EQ(processes, 2);
}

TEST(Workloads, StrangersAreNotReadAtEachScrape) {
  Machine machine;
  for (std::int64_t pid = 1000; pid < 1160; ++pid) machine.run(pid, {1, pid, 0, 50});
  (void)machine.scrape();
  machine.reads.clear();
  (void)machine.scrape();
  int stats = 0;
  for (const auto& [path, times] : machine.reads) stats += path.ends_with("/stat") ? times : 0;
  EXPECT_LE(stats, 160 / 16 + 2);
}

TEST(Workloads, AProcessSeenBeforeItsCopyWasKnownIsFoundAtOnce) {
  Machine machine;
  machine.copies.push_back({"db", 8, 0, 0, 0});
  machine.run(80, {1, 80, 0, 100});
  machine.run(82, {80, 80, 0, 100});  // whose turn it is not in the next scrape
  (void)machine.scrape();
  machine.copies.back().pid = 80;
  machine.copies.back().start_time = 100;
  EXPECT_EQ(machine.processes(8), 2);
}

TEST(Workloads, WhatAChildUsedIsCountedOnceWhenItsParentHasWaitedForIt) {
  Machine machine;
  machine.run(71, {70, 70, 30, 200});
  EXPECT_DOUBLE_EQ(machine.cpu(), 0.4);
  machine.end(71);
  machine.run(70, {1, 70, 10, 100, 35});
  EXPECT_DOUBLE_EQ(machine.cpu(), 0.45);
}

TEST(Workloads, ACounterDoesNotDropWhenAProcessEndsAndNobodyOfTheCopyWaitsForIt) {
  Machine machine;
  machine.run(71, {1, 70, 30, 200});
  const auto before = machine.scrape();
  machine.end(71);
  const auto after = machine.scrape();
  for (const char* name : {"cpu_seconds_total processes", "io_read_bytes_total processes",
                           "io_write_bytes_total processes"}) {
    EXPECT_EQ(before.at(name), after.at(name)) << name;
  }
  machine.run(70, {1, 70, 25, 100});
  EXPECT_DOUBLE_EQ(machine.cpu(), 0.55) << "and goes on from there";
}

TEST(Workloads, ACopyThatIsStartedAgainGoesOnCounting) {
  Machine machine;
  machine.run(71, {70, 70, 30, 200});
  EXPECT_DOUBLE_EQ(machine.cpu(), 0.4);
  machine.end(70);
  machine.end(71);
  machine.copies[0] = {"web", 7, 0, 0, 3};
  const auto down = machine.scrape();
  EXPECT_DOUBLE_EQ(down.at("cpu_seconds_total processes"), 0.4);
  EXPECT_EQ(down.at("processes"), 0);
  EXPECT_EQ(down.at("memory_bytes processes"), 0);
  EXPECT_EQ(down.at("restarts_total"), 3);
  machine.copies[0] = {"web", 7, 90, 1000, 3};
  machine.run(90, {1, 90, 5, 1000});
  EXPECT_DOUBLE_EQ(machine.cpu(), 0.45);
}

TEST(Workloads, AChildSeenBothAliveAndWaitedForCausesNoJumpThatStays) {
  Machine machine;
  machine.run(71, {70, 70, 30, 200});
  machine.run(70, {1, 70, 10, 100, 30});  // read after it had waited, the child before
  EXPECT_DOUBLE_EQ(machine.cpu(), 0.7);
  machine.end(71);
  EXPECT_DOUBLE_EQ(machine.cpu(), 0.7) << "never drops";
  machine.run(70, {1, 70, 50, 100, 30});
  EXPECT_DOUBLE_EQ(machine.cpu(), 0.8) << "what is right";
}

TEST(Workloads, AZombieHoldsNothingButItsTime) {
  Machine machine;
  machine.run(71, {70, 70, 30, 200, 0, 'Z'});
  const auto values = machine.scrape();
  EXPECT_DOUBLE_EQ(values.at("cpu_seconds_total processes"), 0.4);
  EXPECT_EQ(values.at("io_read_bytes_total processes"), 2000);
  EXPECT_EQ(values.at("processes"), 1);
  EXPECT_EQ(values.at("open_fds"), 2);
  EXPECT_EQ(values.at("memory_bytes processes"), 50 * 16384);
}

TEST(Workloads, WhatMayNotBeReadIsLeftOutForThatCopy) {
  Machine machine;
  machine.copies.push_back({"db", 8, 80, 100, 0});
  machine.run(80, {1, 80, 0, 100});
  machine.broken.emplace("/proc/70/io", Error{Code::PermissionDenied, "no"});
  machine.broken.emplace("/proc/70/fd", Error{Code::PermissionDenied, "no"});
  const auto values = machine.scrape();
  EXPECT_FALSE(values.contains("io_read_bytes_total processes"));
  EXPECT_FALSE(values.contains("open_fds"));
  EXPECT_TRUE(values.contains("cpu_seconds_total processes"));
  EXPECT_EQ(machine.scrape(8).at("open_fds"), 2);
}

TEST(Workloads, AProcessThatEndsBetweenTwoReadsIsNoError) {
  Machine machine;
  machine.run(71, {70, 70, 30, 200});
  machine.broken.emplace("/proc/71/stat", Error{Code::Internal, "no such process"});
  EXPECT_EQ(machine.processes(), 1);
  machine.broken.clear();
  machine.broken.emplace("/proc/71/io", Error{Code::Internal, "no such process"});
  EXPECT_EQ(machine.scrape().at("io_read_bytes_total processes"), 1000);
}

TEST(Workloads, GarbageInTheTextOfAProcessFailsTheCollectorByName) {
  Machine machine;
  machine.files["/proc/71/stat"] = std::string(1 << 20, '\xff');
  const auto families = machine.workloads.collect(machine, machine.copies);
  ASSERT_FALSE(families);
  EXPECT_EQ(families.error().text.find("collector workloads: "), 0U);
}

TEST(Workloads, WithoutCopiesNothingIsRead) {
  Machine machine;
  machine.copies.clear();
  EXPECT_EQ(machine.workloads.collect(machine, {}), Families());
  EXPECT_TRUE(machine.reads.empty());
}

struct Grouped : Machine {
  Grouped() {
    run(71, {70, 70, 30, 200});
    for (const char* pid : {"70", "71"}) {
      files[std::string("/proc/") + pid + "/cgroup"] = "0::/run.scope\n";
    }
    files[base + "cgroup.procs"] = "70\n71\n";
    files[base + "cpu.stat"] = "usage_usec 2500000\nuser_usec 1\n";
    files[base + "memory.current"] = "1048576\n";
    files[base + "io.stat"] = "8:0 rbytes=10 wbytes=1\n8:16 rbytes=5 wbytes=2\n";
  }
  const std::string base = "/sys/fs/cgroup/run.scope/";
};

TEST(Workloads, AControlGroupOfItsOwnCountsForTheCopy) {
  Grouped machine;
  const auto values = machine.scrape();
  EXPECT_EQ(values.at("cpu_seconds_total cgroup"), 2.5);
  EXPECT_EQ(values.at("memory_bytes cgroup"), 1048576);
  EXPECT_EQ(values.at("io_read_bytes_total cgroup"), 15);
  EXPECT_EQ(values.at("io_write_bytes_total cgroup"), 3);
  EXPECT_EQ(values.at("processes"), 2);
  EXPECT_FALSE(values.contains("cpu_seconds_total processes"));
}

TEST(Workloads, AControlGroupThatIsSharedDoesNotCount) {
  for (const char* procs : {"70\n71\n1\n", "70\n", ""}) {
    Grouped machine;
    machine.files[machine.base + "cgroup.procs"] = procs;
    EXPECT_TRUE(machine.scrape().contains("cpu_seconds_total processes")) << procs;
  }
  Grouped agents;
  agents.files["/proc/self/cgroup"] = "0::/run.scope\n";
  EXPECT_TRUE(agents.scrape().contains("cpu_seconds_total processes"));
}

TEST(Workloads, AControlGroupThatDoesNotCountIoLeavesThatToTheProcesses) {
  Grouped machine;
  machine.files.erase(machine.base + "io.stat");
  const auto values = machine.scrape();
  EXPECT_EQ(values.at("cpu_seconds_total cgroup"), 2.5);
  EXPECT_EQ(values.at("io_read_bytes_total processes"), 2000);
}

TEST(Workloads, ANewControlGroupGoesOnCountingWhereTheLastOneEnded) {
  Grouped machine;
  EXPECT_EQ(machine.scrape().at("cpu_seconds_total cgroup"), 2.5);
  machine.end(70);
  machine.end(71);
  machine.run(90, {1, 90, 5, 1000});
  machine.copies[0] = {"web", 7, 90, 1000, 3};
  machine.files["/proc/90/cgroup"] = "0::/run.scope\n";
  machine.files[machine.base + "cgroup.procs"] = "90\n";
  machine.files[machine.base + "cpu.stat"] = "usage_usec 500000\n";
  EXPECT_EQ(machine.scrape().at("cpu_seconds_total cgroup"), 3.0);
}

}  // namespace
}  // namespace muster::collector
