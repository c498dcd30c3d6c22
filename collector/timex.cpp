#include "collector/timex.h"

#include "collector/family.h"

namespace muster::collector {
namespace {

constexpr int kTimeError = 5;                  // TIME_ERROR: no reliable server
constexpr std::int64_t kNanoseconds = 0x2000;  // STA_NANO: offset and jitter are in nanoseconds
constexpr double kMicro = 1e6;
constexpr double kPartsPerMillion = 1e6 * 65536;  // with 16 bits of fraction
}  // namespace

Families timex_families(const ClockState& clock) {
  const double fine = (clock.status & kNanoseconds) != 0 ? 1e9 : kMicro;
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  return families_of(
      gauge("node_timex_estimated_error_seconds", "Estimated error in seconds.",
            number(clock.est_error) / kMicro),
      gauge("node_timex_frequency_adjustment_ratio", "Local clock frequency adjustment.",
            1 + number(clock.frequency) / kPartsPerMillion),
      gauge("node_timex_loop_time_constant", "Phase-locked loop time constant.",
            number(clock.constant)),
      gauge("node_timex_maxerror_seconds", "Maximum error in seconds.",
            number(clock.max_error) / kMicro),
      gauge("node_timex_offset_seconds", "Time offset in between local system and reference clock.",
            number(clock.offset) / fine),
      counter("node_timex_pps_calibration_total",
              "Pulse per second count of calibration intervals.",
              number(clock.pps_calibration_count)),
      counter("node_timex_pps_error_total", "Pulse per second count of calibration errors.",
              number(clock.pps_error_count)),
      gauge("node_timex_pps_frequency_hertz", "Pulse per second frequency.",
            number(clock.pps_frequency) / kPartsPerMillion),
      gauge("node_timex_pps_jitter_seconds", "Pulse per second jitter.",
            number(clock.pps_jitter) / fine),
      counter("node_timex_pps_jitter_total",
              "Pulse per second count of jitter limit exceeded events.",
              number(clock.pps_jitter_count)),
      gauge("node_timex_pps_shift_seconds", "Pulse per second interval duration.",
            number(clock.pps_shift)),
      counter("node_timex_pps_stability_exceeded_total",
              "Pulse per second count of stability limit exceeded events.",
              number(clock.pps_stability_count)),
      gauge("node_timex_pps_stability_hertz",
            "Pulse per second stability, average of recent frequency changes.",
            number(clock.pps_stability) / kPartsPerMillion),
      gauge("node_timex_status", "Value of the status array bits.", number(clock.status)),
      gauge("node_timex_sync_status",
            "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
            clock.state == kTimeError ? 0 : 1),
      gauge("node_timex_tai_offset_seconds", "International Atomic Time (TAI) offset.",
            number(clock.tai)),
      gauge("node_timex_tick_seconds", "Seconds between clock ticks.",
            number(clock.tick) / kMicro));
}

Result<Families> collect_timex(const HostFs& fs) {
  const auto clock = fs.clock_state();
  if (!clock && clock.error().code == Code::PermissionDenied) {
    return fail(Code::NotFound, clock.error().text);
  }
  if (!clock) return tl::unexpected(clock.error());
  return timex_families(*clock);
}

}  // namespace muster::collector
