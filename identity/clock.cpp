#include "identity/clock.h"

#include <array>
#include <cstdio>

namespace muster::identity {
namespace {

// In milliseconds, of which there are enough for whatever a peer claims its clock to be.
using Milliseconds = WallTime::duration;

std::string span_text(Milliseconds span) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(span).count();
  return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

constexpr const char* kSetIt = "set the one that is wrong (`timedatectl` shows it)";

}  // namespace

std::string utc_text(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02ld:%02ld:%02ldZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<long>(time.hours().count()),
                static_cast<long>(time.minutes().count()),
                static_cast<long>(time.seconds().count()));
  return text.data();
}

bool clocks_differ(WallTime a, WallTime b, bool before) {
  constexpr auto kMax = std::chrono::duration_cast<Milliseconds>(kClockDifferenceMax);
  const Milliseconds ahead = a - b;
  const Milliseconds difference = ahead < Milliseconds{0} ? -ahead : ahead;
  return difference.count() > (before ? kMax / 2 : kMax).count();
}

std::string difference_text(const std::string& whose, WallTime theirs, const std::string& ours,
                            WallTime here) {
  const Milliseconds ahead = theirs - here;
  const bool behind = ahead < Milliseconds{0};
  std::string text = "the clock of " + whose + " is " + span_text(behind ? -ahead : ahead);
  text += (behind ? " behind " : " ahead of ") + ours + ": it says " + utc_text(theirs);
  return text + " there and " + utc_text(here) + " here";
}

Status check_clock(const std::string& whose, WallTime clock, WallTime now,
                   const std::string& then) {
  if (!clocks_differ(clock, now)) return {};
  return fail(Code::InvalidArgument, difference_text(whose, clock, "this master's", now) + ": " +
                                         kSetIt + ", then " + then);
}

Status check_valid(const std::string& what, WallTime begins, WallTime ends, WallTime now) {
  if (now >= begins && now < ends) return {};
  const bool early = now < begins;
  return fail(Code::InvalidArgument,
              what +
                  (early ? " is not valid before " + utc_text(begins)
                         : " is valid until " + utc_text(ends) + " only") +
                  ", and this node's clock says " + utc_text(now) +
                  ": it is not taken, and what is in use stays; either this clock is wrong or that "
                  "of the coordinator, " +
                  kSetIt);
}

}  // namespace muster::identity
