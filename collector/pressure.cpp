#include "collector/pressure.h"

#include <charconv>
#include <cstdint>

namespace muster::collector {

Result<Duration> parse_cpu_waiting(std::string_view pressure_text) {
  constexpr std::string_view kSome = "some ";
  constexpr std::string_view kTotal = " total=";
  const std::string_view line = pressure_text.substr(0, pressure_text.find('\n'));
  const std::size_t at = line.find(kTotal);
  if (line.starts_with(kSome) && at != std::string_view::npos) {
    const std::string_view digits = line.substr(at + kTotal.size());
    std::int64_t total = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, total);
    constexpr std::int64_t kMost = INT64_MAX / 1000;  // as nanoseconds
    if (failure == std::errc() && stop == end && total >= 0 && total <= kMost) {
      return std::chrono::microseconds(total);
    }
  }
  return fail(Code::DataLoss,
              "pressure: /proc/pressure/cpu does not begin with a line `some ... "
              "total=MICROSECONDS`");
}

}  // namespace muster::collector
