#include "collector/timex.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

ClockState some_clock() {
  ClockState clock;
  clock.offset = 250'000;
  clock.frequency = -65536 * 12;
  clock.max_error = 16'000'000;
  clock.est_error = 1500;
  clock.status = 0x2001;
  clock.constant = 7;
  clock.tick = 10'000;
  clock.pps_frequency = 65536 * 3;
  clock.pps_jitter = 500;
  clock.pps_shift = 4;
  clock.pps_stability = 65536 * 2;
  clock.pps_jitter_count = 11;
  clock.pps_calibration_count = 12;
  clock.pps_error_count = 13;
  clock.pps_stability_count = 14;
  clock.tai = 37;
  return clock;
}

TEST(Timex, TheKernelsUnitsBecomeSecondsAndRatios) {
  EXPECT_EQ(samples_text(timex_families(some_clock())),
            "node_timex_estimated_error_seconds 0.0015\n"
            "node_timex_frequency_adjustment_ratio 0.999988\n"
            "node_timex_loop_time_constant 7\nnode_timex_maxerror_seconds 16\n"
            "node_timex_offset_seconds 0.00025\nnode_timex_pps_calibration_total 12\n"
            "node_timex_pps_error_total 13\nnode_timex_pps_frequency_hertz 3e-06\n"
            "node_timex_pps_jitter_seconds 5e-07\nnode_timex_pps_jitter_total 11\n"
            "node_timex_pps_shift_seconds 4\nnode_timex_pps_stability_exceeded_total 14\n"
            "node_timex_pps_stability_hertz 2e-06\nnode_timex_status 8193\n"
            "node_timex_sync_status 1\nnode_timex_tai_offset_seconds 37\n"
            "node_timex_tick_seconds 0.01\n");
}

TEST(Timex, AClockThatCountsMicrosecondsAndFollowsNobody) {
  ClockState clock = some_clock();
  clock.status = 0x40;
  clock.state = 5;
  const std::string text = samples_text(timex_families(clock));
  EXPECT_NE(text.find("node_timex_offset_seconds 0.25\n"), std::string::npos) << text;
  EXPECT_NE(text.find("node_timex_pps_jitter_seconds 5e-04\n"), std::string::npos) << text;
  EXPECT_NE(text.find("node_timex_sync_status 0\n"), std::string::npos) << text;
}

TEST(Timex, AMachineThatForbidsTheCallHasNoDataAndOneWhereItFailsAnError) {
  MadeUpHost machine;
  machine.clock = fail(Code::PermissionDenied, "adjtimex");
  EXPECT_EQ(collect_timex(machine).error().code, Code::NotFound);
  machine.clock = fail(Code::Internal, "adjtimex");
  EXPECT_EQ(collect_timex(machine).error().code, Code::Internal);
  machine.clock = some_clock();
  EXPECT_EQ(samples_text(collect_timex(machine)), samples_text(timex_families(some_clock())));
}

}  // namespace
}  // namespace muster::collector
