#include "agent/clock_watch.h"

#include <algorithm>
#include <utility>

#include "identity/clock.h"

namespace muster::agent {
namespace {

// Of a thousand nodes that are told a wrong time by one server, so many are named.
constexpr std::size_t kNamedMax = 10;

const char* const kOurs = "this coordinator's";

// The readings of masters that differ, as long as they are more than the others; this one agrees
// with itself.
std::vector<const ClockReading*> most_masters(const std::vector<ClockReading>& readings,
                                              bool before) {
  std::size_t masters = 1;
  std::vector<const ClockReading*> differ;
  for (const ClockReading& reading : readings) {
    if (!reading.master) continue;
    ++masters;
    if (identity::clocks_differ(reading.there, reading.here, before)) differ.push_back(&reading);
  }
  if (differ.size() * 2 <= masters) differ.clear();
  return differ;
}

Notice wrong_here(const std::vector<const ClockReading*>& differ) {
  const ClockReading& one = *differ.front();
  std::string text = "this coordinator's own clock is wrong: it says " +
                     identity::utc_text(one.here) + ", and most masters differ from it, as " +
                     one.node + ", whose clock says " + identity::utc_text(one.there);
  text +=
      ": set it (`timedatectl` shows it); until then nobody joins, no certificate is renewed "
      "and the authority is not changed; `muster masters transfer` lets another master lead";
  return {Level::Error, std::move(text)};
}

Notice wrong_there(const ClockReading& reading) {
  return {
      Level::Warning,
      identity::difference_text(reading.node, reading.there, kOurs, reading.here) +
          ": set the one that is wrong (`timedatectl` shows it); until then the certificate of " +
          reading.node + " is not renewed"};
}

}  // namespace

std::vector<Notice> ClockWatch::look(const std::vector<ClockReading>& readings) {
  std::vector<Notice> out;
  const auto differ = most_masters(readings, own_wrong_);
  const bool was_wrong = std::exchange(own_wrong_, !differ.empty());
  if (own_wrong_) {
    if (!was_wrong) out.push_back(wrong_here(differ));
    return out;
  }
  if (was_wrong) out.push_back({Level::Info, "this coordinator's clock is right again"});
  std::set<NodeName> wrong;
  std::size_t unnamed = 0;
  for (const ClockReading& reading : readings) {
    const bool before = wrong_.contains(reading.node);
    if (identity::clocks_differ(reading.there, reading.here, before)) {
      wrong.insert(reading.node);
      if (before) continue;
      if (out.size() < kNamedMax) {
        out.push_back(wrong_there(reading));
      } else {
        ++unnamed;
      }
    } else if (before) {
      out.push_back(
          {Level::Info, "the clock of " + reading.node + " agrees with " + kOurs + " again"});
    }
  }
  if (unnamed > 0) {
    out.push_back({Level::Warning, "the clocks of " + std::to_string(unnamed) +
                                       " more nodes differ too: muster_clock_offset_seconds of "
                                       "each says by how much"});
  }
  wrong_ = std::move(wrong);
  return out;
}

}  // namespace muster::agent
