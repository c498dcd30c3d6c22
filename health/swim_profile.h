// How fast is membership meant to be, and which settings contradict each other?
//
// Core: pure functions. A profile fits a kind of network; every value can be overridden.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "health/swim_types.h"

namespace muster::health {

// "lan" (the default: one data centre), "wan" (memberlist's WAN values: round trips of hundreds of
// milliseconds), "local" (one machine or one switch); nullopt: there is no such profile.
[[nodiscard]] std::optional<SwimOptions> swim_profile(std::string_view name);

// Why these options cannot work together, naming the settings; empty: they can.
[[nodiscard]] std::string contradiction(const SwimOptions& options);

}  // namespace muster::health
