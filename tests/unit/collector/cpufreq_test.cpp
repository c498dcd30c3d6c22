#include "collector/cpufreq.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::string kCpu = "/sys/devices/system/cpu/cpu";

struct ScalingMachine : MadeUpHost {
  ScalingMachine() {
    files = {{kCpu + "0/cpufreq/cpuinfo_avg_freq", "2400017\n"},
             {kCpu + "0/cpufreq/cpuinfo_cur_freq", "2400000\n"},
             {kCpu + "0/cpufreq/cpuinfo_max_freq", "4000000\n"},
             {kCpu + "0/cpufreq/cpuinfo_min_freq", "800000\n"},
             {kCpu + "0/cpufreq/scaling_cur_freq", "2400013\n"},
             {kCpu + "0/cpufreq/scaling_max_freq", "3200000\n"},
             {kCpu + "0/cpufreq/scaling_min_freq", "900000\n"},
             {kCpu + "0/cpufreq/scaling_governor", "powersave\n"},
             {kCpu + "0/cpufreq/scaling_available_governors", "performance powersave \n"},
             {kCpu + "1/online", "0\n"}};
  }
};

const std::string kOld =
    "node_cpu_frequency_hertz{cpu=\"0\"} 2.4e+09\n"
    "node_cpu_frequency_max_hertz{cpu=\"0\"} 4e+09\n"
    "node_cpu_frequency_min_hertz{cpu=\"0\"} 8e+08\n"
    "node_cpu_scaling_frequency_hertz{cpu=\"0\"} 2400013000\n"
    "node_cpu_scaling_frequency_max_hertz{cpu=\"0\"} 3.2e+09\n"
    "node_cpu_scaling_frequency_min_hertz{cpu=\"0\"} 9e+08\n";

TEST(Cpufreq, FrequenciesAreInHertzAndACpuThatIsOffHasNone) {
  EXPECT_EQ(samples_text(collect_cpufreq(ScalingMachine(), false)),
            "node_cpu_frequency_avg_hertz{cpu=\"0\"} 2400017000\n" + kOld +
                "node_cpu_scaling_governor{cpu=\"0\",governor=\"performance\"} 0\n"
                "node_cpu_scaling_governor{cpu=\"0\",governor=\"powersave\"} 1\n");
  EXPECT_EQ(samples_text(collect_cpufreq(ScalingMachine(), true)), kOld);
}

TEST(Cpufreq, WhatADriverDoesNotTellIsLeftOut) {
  ScalingMachine machine;
  for (const char* file : {"cpuinfo_avg_freq", "cpuinfo_max_freq", "scaling_governor"}) {
    machine.files.erase(kCpu + "0/cpufreq/" + file);
  }
  machine.broken[kCpu + "0/cpufreq/cpuinfo_min_freq"] = {Code::PermissionDenied, "root only"};
  machine.broken[kCpu + "0/cpufreq/scaling_min_freq"] = {Code::Internal, "try again"};
  machine.files[kCpu + "0/cpufreq/cpuinfo_cur_freq"] = "<unknown>\n";
  EXPECT_EQ(samples_text(collect_cpufreq(machine, false)),
            "node_cpu_scaling_frequency_hertz{cpu=\"0\"} 2400013000\n"
            "node_cpu_scaling_frequency_max_hertz{cpu=\"0\"} 3.2e+09\n");
}

TEST(Cpufreq, AMachineThatDoesNotScaleIsWellAndOneThatListsNoCpusHasNoData) {
  MadeUpHost machine;
  machine.files = {{kCpu + "0/topology/core_id", "0\n"}};
  EXPECT_EQ(samples_text(collect_cpufreq(machine, false)), "");
  machine.files.clear();
  const auto none = collect_cpufreq(machine, false);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::NotFound);
}

TEST(Cpufreq, WhatIsNoFrequencyFailsTheCollectorByName) {
  for (const char* text : {"", "fast\n", "-1\n", "1 2\n"}) {
    ScalingMachine machine;
    machine.files[kCpu + "0/cpufreq/scaling_cur_freq"] = text;
    if (*text == '\0') {
      expect_refusal(collect_cpufreq(machine, false), "cpufreq", "scaling_cur_freq is empty");
    } else {
      expect_refusal(collect_cpufreq(machine, false), "cpufreq", "is not a number");
    }
  }
}

}  // namespace
}  // namespace muster::collector
