#include "identity/renewal.h"

#include <algorithm>

namespace muster::identity {
namespace {

constexpr std::uint64_t kParts = 1024;  // of the twentieth
constexpr Duration kFirstPause = std::chrono::minutes(1);
constexpr Duration kLastPause = std::chrono::hours(1);
constexpr Duration kLeastPause = std::chrono::seconds(1);
constexpr unsigned kDoublings = 6;
constexpr int kTriesLeft = 20;  // that fit at least into what is left of the life

}  // namespace

WallTime renewal_due(const NodeName& node, WallTime begins, WallTime ends) {
  const WallTime issued =
      begins + std::chrono::duration_cast<std::chrono::milliseconds>(kBackdated);
  const auto life = std::max(ends - issued, WallTime::duration{0});
  const auto part = static_cast<std::int64_t>(fnv1a64(node) % kParts);
  return issued + life * 2 / 3 - life / 20 * part / static_cast<std::int64_t>(kParts);
}

Duration renewal_in(const NodeName& node, WallTime begins, WallTime ends, WallTime now) {
  const Duration wait = renewal_due(node, begins, ends) - now;
  return std::clamp(wait, Duration{0}, kRenewalLook);
}

Duration renewal_pause(unsigned failures, WallTime ends, WallTime now) {
  const Duration doubled = kFirstPause * (1 << std::min(failures, kDoublings));
  const Duration left = std::max(Duration(ends - now), Duration{0});
  return std::max(std::min({doubled, kLastPause, left / kTriesLeft}), kLeastPause);
}

}  // namespace muster::identity
