// Which distribution is installed on this machine?
//
// Core: os-release(5) in, node_os_info and node_os_version out. An object keeps what it made of the
// file for as long as that is not written again. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// Text of the os-release file at `path`. node_os_version is the VERSION_ID as far as it is a
// number, and left out when it does not begin with one; node_os_support_end_timestamp_seconds is
// when the day of SUPPORT_END begins in UTC, and is not there with `compat_1_5`. DataLoss when a
// line is not an assignment as a shell reads it.
[[nodiscard]] Result<Families> parse_os_release(std::string_view path, std::string_view text,
                                                bool compat_1_5);

class OsRelease {
 public:
  explicit OsRelease(bool compat_1_5) : compat_1_5_(compat_1_5) {}

  // /etc/os-release, or /usr/lib/os-release when that is not there; NotFound when neither is.
  [[nodiscard]] Result<Families> collect(const HostFs& fs);

 private:
  bool compat_1_5_;
  std::string path_;  // of what is kept; empty: nothing is
  std::int64_t modified_ = 0;
  Families families_;
};

}  // namespace muster::collector
