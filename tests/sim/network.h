// How does the simulated network treat what is sent from one host to another?
//
// Rules and dice only: it knows hosts by number and carries nothing itself. Every link has one
// quality for each direction and may be cut in each; both may change while the world runs.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/rng.h"
#include "base/time.h"

namespace muster::sim {

using HostId = std::size_t;
[[nodiscard]] NodeName name_of(HostId host);  // n1 for 0
[[nodiscard]] std::vector<NodeName> first_names(std::size_t count);

struct LinkQuality {
  Duration latency = std::chrono::microseconds(50);  // the least
  Duration tail = std::chrono::microseconds(150);    // mean of what comes on top, exponential
  unsigned spike_percent = 0;                        // of datagrams and frames that are late
  Duration spike{};                                  // ... by up to so much
  unsigned loss_percent = 0;                         // of datagrams; frames are sent again
  unsigned duplicate_percent = 0;
};

// min + an exponential of this mean, at most twenty means.
[[nodiscard]] Duration exponential(Duration min, Duration mean, Rng& rng);

class Network {
 public:
  explicit Network(std::size_t hosts) : hosts_(hosts), cuts_(hosts * hosts, 0) {}

  void set_quality(const LinkQuality& all) {
    all_ = all;
    links_.clear();
  }
  void set_quality(HostId from, HostId to, const LinkQuality& one) { links_[{from, to}] = one; }
  [[nodiscard]] const LinkQuality& quality(HostId from, HostId to) const;
  [[nodiscard]] const LinkQuality& quality() const { return all_; }

  // Cuts are counted: a link that was cut twice is open after two mends.
  void cut(HostId from, HostId to);
  void mend(HostId from, HostId to, Instant now);
  void heal(Instant now);  // every cut is mended
  [[nodiscard]] bool open(HostId from, HostId to) const { return cuts_[from * hosts_ + to] == 0; }
  [[nodiscard]] bool mutual(HostId a, HostId b) const { return open(a, b) && open(b, a); }
  // Since when both directions have been open without a break; kNever: they are not.
  [[nodiscard]] Instant mutual_since(HostId a, HostId b) const;

  [[nodiscard]] bool loses(HostId from, HostId to, Rng& rng) const;
  [[nodiscard]] bool duplicates(HostId from, HostId to, Rng& rng) const;
  // Each datagram has its own, so they overtake each other.
  [[nodiscard]] Duration trip(HostId from, HostId to, Rng& rng) const;
  // The same for a part of a stream, with the time that its losses cost.
  [[nodiscard]] Duration stream_trip(HostId from, HostId to, Rng& rng) const;

 private:
  std::size_t hosts_;
  LinkQuality all_;
  std::map<std::pair<HostId, HostId>, LinkQuality> links_;
  std::vector<unsigned char> cuts_;  // how many there are of from * hosts + to
  std::map<std::pair<HostId, HostId>, Instant> mended_;
};

}  // namespace muster::sim
