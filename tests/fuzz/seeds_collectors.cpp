#include "tests/fuzz/seeds_collectors.h"

#include "collector/collectors.h"
#include "collector/posix_host_fs.h"
#include "tests/fuzz/collectors_host.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::fuzz {
namespace {

constexpr const char* kStat = " (a) b) S 70 1 70 0 -1 0 0 0 0 0 30 0 5 0 20 0 2 0 100 1000 50 0\n";

// A copy of two processes in a control group of its own, and one of a process in the agent's.
std::string workloads_seed() {
  collector::MadeUpHost machine;
  for (const char* pid : {"1", "70", "71", "80"}) {
    const std::string base = std::string("/proc/") + pid;
    const bool grouped = *pid == '7';
    machine.files[base + "/stat"] = pid + std::string(kStat);
    machine.files[base + "/io"] = "read_bytes: 1000\nwrite_bytes: 100\n";
    machine.files[base + "/fd/0"] = machine.files[base + "/fd/1"] = "";
    machine.files[base + "/cgroup"] = grouped ? "0::/run.scope\n" : "0::/agent\n";
  }
  machine.files["/proc/80/stat"] = "80 (db) R 1 1 80 0 -1 0 0 0 0 0 9 0 5 0 20 0 2 0 300 9 50 0\n";
  machine.files["/proc/self/cgroup"] = "0::/agent\n";
  machine.files["/proc/loadavg"] = "0 0 0 1/2 3\n";
  const std::string group = "/sys/fs/cgroup/run.scope/";
  machine.files[group + "cgroup.procs"] = "70\n71\n";
  machine.files[group + "cpu.stat"] = "usage_usec 2500000\nuser_usec 1\n";
  machine.files[group + "memory.current"] = "1048576\n";
  machine.files[group + "io.stat"] = "8:0 rbytes=10 wbytes=1\n8:16 rbytes=5 wbytes=2\n";
  const HeardHost hears(machine);
  for (const collector::Collector& one : collector::all_collectors(collector_options(false))) {
    collector::Complaints complaints;
    for (int turn = 0; one.name == "workloads" && turn < 2; ++turn) {
      (void)one.collect(hears, complaints);
    }
  }
  return "workloads\n" + hears.heard();
}
}  // namespace

std::map<std::string, std::string> collector_seeds(const std::string& fixtures) {
  const collector::PosixHostFs host({fixtures + "/proc", fixtures + "/sys", fixtures});
  std::map<std::string, std::string> seeds;
  for (const collector::Collector& collector :
       collector::all_collectors(collector_options(false))) {
    const HeardHost hears(host);
    collector::Complaints complaints;
    (void)collector.collect(hears, complaints);
    seeds[collector.name] = collector.name + "\n" + hears.heard();
  }
  seeds["headers"] =
      "headers\napplication/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
  seeds["headers_time"] = "headers\n10.5";
  seeds["capacity"] =
      std::string("capacity\ncpu0 1 2 3 4 5 6 7 8 9 10\n") + kNext + "MemTotal: 24684096 kB\n";
  seeds["workloads"] = workloads_seed();
  seeds["process_stat"] = std::string("process\n70") + kStat;
  seeds["process_io"] = "process\nrchar: 1\nread_bytes: 1000\nwrite_bytes: 100\n";
  seeds["process_cgroup"] = "process\n1:cpu:/other\n0::/system.slice/a b.service\n";
  seeds["process_procs"] = "process\n70\n71\n";
  seeds["process_group_cpu"] = "process\nusage_usec 2500000\nuser_usec 1\n";
  seeds["process_group_io"] = "process\n8:0 rbytes=10 wbytes=1 dios=0\n8:16 rbytes=5 wbytes=2\n";
  return seeds;
}

}  // namespace muster::fuzz
