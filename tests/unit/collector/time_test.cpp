#include "collector/time.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::string kClock = "/sys/devices/system/clocksource/clocksource";

struct MachineAtNoon : MadeUpHost {
  MachineAtNoon() {
    time = 1'795'292'517'500'000'000;
    local = {"CET", 3600};
  }
};

TEST(Time, TheTimeItsZoneAndTheClocksAreShown) {
  MachineAtNoon machine;
  machine.files = {{kClock + "0/available_clocksource", "tsc hpet \n"},
                   {kClock + "0/current_clocksource", "tsc\n"},
                   {"/sys/devices/system/clocksource/power/control", "auto\n"}};
  EXPECT_EQ(samples_text(collect_time(machine)),
            "node_time_clocksource_available_info{clocksource=\"tsc\",device=\"0\"} 1\n"
            "node_time_clocksource_available_info{clocksource=\"hpet\",device=\"0\"} 1\n"
            "node_time_clocksource_current_info{clocksource=\"tsc\",device=\"0\"} 1\n"
            "node_time_seconds 1795292517.5\n"
            "node_time_zone_offset_seconds{time_zone=\"CET\"} 3600\n");
}

TEST(Time, AMachineThatListsNoClocksStillTellsTheTime) {
  const std::string time_alone =
      "node_time_seconds 1795292517.5\nnode_time_zone_offset_seconds{time_zone=\"CET\"} 3600\n";
  MachineAtNoon machine;
  EXPECT_EQ(samples_text(collect_time(machine)), time_alone);
  machine.files = {{kClock + "0/uevent", "gone since it was listed\n"}};
  EXPECT_EQ(samples_text(collect_time(machine)), time_alone);
}

TEST(Time, AClockThatIsNotUnderstoodFailsTheCollectorByName) {
  MachineAtNoon machine;
  machine.files = {{kClock + "0/available_clocksource", "\n"},
                   {kClock + "0/current_clocksource", "tsc\n"}};
  expect_refusal(collect_time(machine), "time", "has no sensible available_clocksource");
  machine.files = {{kClock + "0/available_clocksource", "tsc\n"},
                   {kClock + "0/current_clocksource", "tsc hpet\n"}};
  expect_refusal(collect_time(machine), "time", "has no sensible current_clocksource");
}

}  // namespace
}  // namespace muster::collector
