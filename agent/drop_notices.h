// When is it said that something from outside was dropped, and how?
//
// Core, owned by the runtime on the control thread. A stranger can send what is dropped as fast as
// the network carries it: so each reason has one line at once, and then one a minute at most, with
// how many there were since. What is said holds nothing of a message but where it came from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
  // The same for what came in at a port: `port` is "RPC" or "HTTPS", `reason` one of a small number
  // of labels, `meaning` what it says of this one, without a secret.
  [[nodiscard]] std::optional<std::string> dropped(std::string_view port, std::string_view reason,
                                                   const std::string& meaning, const Address& from,
                                                   Instant now);
  // The lines about what was dropped and not said yet, of reasons whose pause is over.
  [[nodiscard]] std::vector<std::string> due(Instant now);

 private:
  using What = std::pair<std::string, std::string>;  // "gossip", "malformed"
  struct Reason {
    std::uint64_t unsaid = 0;
    Address last_from;
    std::string meaning;  // of the last one
    std::optional<Instant> said;
  };
  static std::string take_line(const What& what, Reason& reason, Instant now);
  std::map<What, Reason> reasons_;
};

}  // namespace muster::agent
