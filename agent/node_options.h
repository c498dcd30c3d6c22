// What does a configuration mean to Node?
//
// Pure: every formula between what an operator writes and what the cores take is here.
#pragma once

#include <cstdint>
#include <string>

#include "agent/config.h"
#include "agent/node.h"

namespace muster::agent {

// What the machine and the moment add to a configuration.
struct Circumstances {
  Resources machine;  // what placement may give away when the configuration does not say
  std::string boot;   // random, of this process
  std::uint64_t seed = 0;
};

// Pre: problems(config) is empty.
[[nodiscard]] NodeOptions node_options(const Config& config, const Circumstances& here);

// "lan", or "lan, other than it in probe_interval and gossip_fanout", for people.
[[nodiscard]] std::string membership_text(const MembershipConfig& membership);

}  // namespace muster::agent
