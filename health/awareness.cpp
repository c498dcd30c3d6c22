#include "health/awareness.h"

namespace muster::health {

int awareness_delta_of_failure(int nacks_expected, int nacks_received) {
  if (nacks_expected <= 0) return 1;
  return std::max(0, nacks_expected - nacks_received);
}

int strain_floor(Duration lag, double cpu_pressure, Duration probe_timeout) {
  constexpr double kPressed = 0.8;
  if (lag >= probe_timeout) return 2;
  if (lag >= probe_timeout / 2) return 1;
  return cpu_pressure >= kPressed ? 1 : 0;
}

}  // namespace muster::health
