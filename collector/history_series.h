// Which series of a node are kept as its history, and how do they come out of what is collected?
//
// Core. Two readings of all families in, one number a series out: rates instead of counters, shares
// instead of seconds, so that a value can be drawn and compared as it is. docs/HISTORY.md lists
// all.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/sample.h"
#include "base/time.h"
#include "collector/history.h"

namespace muster::collector {

// A series of a device or mount point is called NAME:DEVICE.
struct SeriesKind {
  std::string_view name;
  std::string_view
      unit;  // "ratio" (0 to 1), "bytes", "bytes/s", "1/s", "s", "celsius"; "": a count
};
[[nodiscard]] std::span<const SeriesKind> series_kinds();
// Null: there is no such kind. `series` has a device behind its name where there is one for each.
[[nodiscard]] const SeriesKind* kind_of(std::string_view series);

// Whether a series comes out of this collector: the others need not run for the history.
[[nodiscard]] bool feeds_history(std::string_view collector);

class SeriesReader {
 public:
  // Of network devices, disks and mount points each; those that come first.
  static constexpr std::size_t kDevicesMax = 16;

  // What is measured at the moment `at`. A rate is there from the second reading on, and not when
  // its counter began anew; what a machine does not have is left out.
  [[nodiscard]] Measured read(const Families& families, Instant at);

 private:
  std::map<std::string, double> before_;  // counters of the reading before
  Instant before_at_{};
};

}  // namespace muster::collector
