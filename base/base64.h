// How are bytes written where only text may stand?
//
// Pure functions: base64 of RFC 4648, section 4, with padding and without line breaks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster {

[[nodiscard]] std::string base64(std::string_view bytes);
// Nothing when `text` is not exactly what base64() gives for some bytes.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace muster
