#include "collector/entropy.h"

#include "collector/family.h"
#include "collector/lone_count.h"

namespace muster::collector {
namespace {

constexpr Source kAvailable{"entropy", "/proc/sys/kernel/random/entropy_avail"};
constexpr Source kPool{"entropy", "/proc/sys/kernel/random/poolsize"};
}  // namespace

Result<Families> collect_entropy(const HostFs& fs) {
  const auto available = read_lone_count(fs, kAvailable);
  if (!available) return tl::unexpected(available.error());
  const auto pool = read_lone_count(fs, kPool);
  if (!pool) return tl::unexpected(pool.error());
  return Families{
      gauge("node_entropy_available_bits", "Bits of available entropy.",
            static_cast<double>(*available)),
      gauge("node_entropy_pool_size_bits", "Bits of entropy pool.", static_cast<double>(*pool))};
}

}  // namespace muster::collector
