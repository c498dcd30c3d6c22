#include "collector/pressure.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

using namespace std::chrono_literals;

TEST(Pressure, TheTotalOfSomeIsInMicroseconds) {
  const auto waited = parse_cpu_waiting(
      "some avg10=1.53 avg60=0.87 avg300=0.22 total=58761459\n"
      "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
  ASSERT_TRUE(waited.has_value()) << waited.error().text;
  EXPECT_EQ(*waited, 58'761'459us);
}

TEST(Pressure, WhatIsNotPressureIsRefused) {
  for (const char* text :
       {"", "\n", "some", "some avg10=0.00", "full avg10=0.00 total=1\n", "some avg10=0 total=\n",
        "some avg10=0 total=12x\n", "some avg10=0 total=-1\n",
        "some avg10=0 total=99999999999999999999\n", "some avg10=0 total=9223372036854775807\n"}) {
    const auto waited = parse_cpu_waiting(text);
    ASSERT_FALSE(waited.has_value()) << text;
    EXPECT_EQ(waited.error().code, Code::DataLoss);
  }
}

const std::string kSome = "some avg10=1.53 avg60=0.87 avg300=0.22 total=2500000\n";
const std::string kFull = "full avg10=0.00 avg60=0.00 avg300=0.00 total=750001\n";

struct MeasuringMachine : MadeUpHost {
  MeasuringMachine() {
    files = {{"/proc/pressure/cpu", kSome + kFull},
             {"/proc/pressure/io", kSome + kFull},
             {"/proc/pressure/irq", kFull},
             {"/proc/pressure/memory", kSome + kFull}};
  }
};

TEST(Pressure, EveryResourceShowsWhatTheKernelMeasuresOfIt) {
  EXPECT_EQ(samples_text(collect_pressure(MeasuringMachine(), false)),
            "node_pressure_cpu_waiting_seconds_total 2.5\n"
            "node_pressure_io_stalled_seconds_total 0.750001\n"
            "node_pressure_io_waiting_seconds_total 2.5\n"
            "node_pressure_irq_stalled_seconds_total 0.750001\n"
            "node_pressure_memory_stalled_seconds_total 0.750001\n"
            "node_pressure_memory_waiting_seconds_total 2.5\n");
}

TEST(Pressure, AKernelWithoutPressureOfInterruptsShowsTheRest) {
  MeasuringMachine machine;
  const std::string all = samples_text(collect_pressure(machine, false));
  const std::string old = samples_text(collect_pressure(machine, true));
  EXPECT_EQ(old.find("irq"), std::string::npos);
  EXPECT_NE(all, old);
  machine.files.erase("/proc/pressure/irq");
  EXPECT_EQ(samples_text(collect_pressure(machine, false)), old);
}

TEST(Pressure, AKernelWithoutAnyHasNoData) {
  const auto families = collect_pressure(MadeUpHost(), false);
  ASSERT_FALSE(families);
  EXPECT_EQ(families.error().code, Code::NotFound);
}

TEST(Pressure, AFileThatLacksALineFailsTheCollectorByName) {
  for (const auto& [resource, text] : {std::pair<std::string, std::string>{"cpu", kFull},
                                       {"io", kSome},
                                       {"irq", kSome},
                                       {"memory", ""},
                                       {"memory", "\n"},
                                       {"io", kSome + "full total=\n"}}) {
    MeasuringMachine machine;
    machine.files["/proc/pressure/" + resource] = text;
    expect_refusal(collect_pressure(machine, false), "pressure", "/proc/pressure/" + resource);
  }
}

}  // namespace
}  // namespace muster::collector
