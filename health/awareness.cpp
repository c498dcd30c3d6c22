#include "health/awareness.h"

namespace muster::health {

int awareness_delta_of_failure(int nacks_expected, int nacks_received) {
  if (nacks_expected <= 0) return 1;
  return std::max(0, nacks_expected - nacks_received);
}

}  // namespace muster::health
