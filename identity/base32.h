// How are secret bytes written so that people and shells carry them unharmed?
//
// Core: RFC 4648 base32 in lower case, without padding, for whole groups of 5 bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster::identity {

// Pre: bytes.size() is a multiple of 5.
[[nodiscard]] std::string base32(std::string_view bytes);
// Nothing unless the text is what base32() gives for some bytes.
[[nodiscard]] std::optional<std::string> from_base32(std::string_view text);

}  // namespace muster::identity
