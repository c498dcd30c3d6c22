#include "network.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace muster::sim {
namespace {

// The first retransmission of Linux; each further one waits twice as long.
constexpr Duration kRetransmit = std::chrono::milliseconds(200);
constexpr int kRetransmitsMax = 6;

}  // namespace

NodeName name_of(HostId host) { return "n" + std::to_string(host + 1); }

std::vector<NodeName> first_names(std::size_t count) {
  std::vector<NodeName> names;
  for (HostId id = 0; id < count; ++id) names.push_back(name_of(id));
  return names;
}

Duration exponential(Duration min, Duration mean, Rng& rng) {
  const double uniform = (static_cast<double>(rng.next() >> 11) + 1) / 9007199254740993.0;
  const double factor = std::min(20.0, -std::log(uniform));
  return min + Duration(std::llround(static_cast<double>(mean.count()) * factor));
}

const LinkQuality& Network::quality(HostId from, HostId to) const {
  if (links_.empty()) return all_;
  const auto found = links_.find({from, to});
  return found == links_.end() ? all_ : found->second;
}

void Network::cut(HostId from, HostId to) {
  unsigned char& count = cuts_[from * hosts_ + to];
  CHECK(count < 255);
  ++count;
}

void Network::mend(HostId from, HostId to, Instant now) {
  unsigned char& count = cuts_[from * hosts_ + to];
  if (count == 0 || --count > 0) return;
  mended_[std::minmax(from, to)] = now;
}

void Network::heal(Instant now) {
  for (std::size_t i = 0; i < cuts_.size(); ++i) {
    if (cuts_[i] == 0) continue;
    cuts_[i] = 0;
    mended_[std::minmax(i / hosts_, i % hosts_)] = now;
  }
}

Instant Network::mutual_since(HostId a, HostId b) const {
  if (!mutual(a, b)) return kNever;
  const auto found = mended_.find(std::minmax(a, b));
  return found == mended_.end() ? Instant{} : found->second;
}

bool Network::loses(HostId from, HostId to, Rng& rng) const {
  const unsigned percent = quality(from, to).loss_percent;
  return percent > 0 && rng.chance(percent);
}

bool Network::duplicates(HostId from, HostId to, Rng& rng) const {
  const unsigned percent = quality(from, to).duplicate_percent;
  return percent > 0 && rng.chance(percent);
}

Duration Network::trip(HostId from, HostId to, Rng& rng) const {
  const LinkQuality& link = quality(from, to);
  Duration trip = exponential(link.latency, link.tail, rng);
  if (link.spike_percent > 0 && rng.chance(link.spike_percent)) trip += rng.below(link.spike);
  return trip;
}

Duration Network::stream_trip(HostId from, HostId to, Rng& rng) const {
  Duration trip_time = trip(from, to, rng);
  Duration wait = kRetransmit;
  for (int tries = 0; tries < kRetransmitsMax && loses(from, to, rng); ++tries) {
    trip_time += wait;
    wait *= 2;
  }
  return trip_time;
}

}  // namespace muster::sim
