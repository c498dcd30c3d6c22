// What does a command touch, and who may have it proposed?
//
// Core; one table for everybody who treats commands by their kind.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/command.h"
#include "base/identity.h"

namespace muster::agent {

inline constexpr std::size_t kCommandKinds = std::variant_size_v<CommandBody>;
// What they are called where they are counted, by CommandBody::index().
extern const std::array<std::string_view, kCommandKinds> kCommandKindNames;

// The least role of a client that may have it proposed; nothing: no client may.
[[nodiscard]] std::optional<Role> required_role(const CommandBody& body);

// Makes it the command of this client, whatever whoever passes it on says of that.
void attribute(Command& command, const Actor& actor);

// The Command::version to write it as: the least that has its kind.
[[nodiscard]] std::uint32_t version_of(const CommandBody& body);

// Applying it may change what every agent has to know (agent/facts.h).
[[nodiscard]] bool changes_facts(const CommandBody& body);

// Applying it changes nothing that placements and alerts rest on: keys, leases, tokens, ...
[[nodiscard]] bool leaves_plan(const CommandBody& body);

}  // namespace muster::agent
