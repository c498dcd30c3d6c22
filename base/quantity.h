// How are durations, sizes and shares of processors written?
//
// Pure functions. Every parse fails with InvalidArgument and a text that quotes what was written
// and says how to write it; none takes a sign, an exponent or blanks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace muster {

// A number with ms, s, m, h or d, or several from the largest unit to the smallest: 500ms, 1.5h,
// 1h30m. At most 100 years.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
// Kubernetes' ...Seconds fields: a number without unit, 10 or 0.2. At most 100 years.
[[nodiscard]] Result<Duration> parse_seconds(std::string_view text);
// Bytes: 1048576, 256MiB or 256Mi (powers of 1024), 100MB or 100M (powers of 1000); below 2^53.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
// Thousandths of a core: 500m, or cores with up to three decimals: 1.5. At most 1000000 cores.
[[nodiscard]] Result<std::uint32_t> parse_cpu(std::string_view text);

// The shortest form that parses back to the same value (durations: to the microsecond).
[[nodiscard]] std::string duration_text(Duration duration);
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace muster
