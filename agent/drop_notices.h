// When is it said that gossip was dropped, and how?
//
// Core, owned by the runtime on the control thread. A stranger can send what is dropped as fast as
// the network carries it: so each reason has one line at once, and then one a minute at most, with
// how many there were since. What is said holds nothing of a message but where it came from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "health/gossip_drop.h"

namespace muster::agent {

class DropNotices {
 public:
  static constexpr Duration kPause = std::chrono::minutes(1);  // between two lines of one reason

  // A message was dropped. Returns the line to say now, if any.
  [[nodiscard]] std::optional<std::string> dropped(health::GossipDrop reason, const Address& from,
                                                   Instant now);
  // The lines about what was dropped and not said yet, of reasons whose pause is over.
  [[nodiscard]] std::vector<std::string> due(Instant now);

 private:
  struct Reason {
    std::uint64_t unsaid = 0;
    Address last_from;
    std::optional<Instant> said;
  };
  static std::string take_line(health::GossipDrop which, Reason& reason, Instant now);
  std::map<health::GossipDrop, Reason> reasons_;
};

}  // namespace muster::agent
