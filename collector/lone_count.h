// What is the number in a file that holds nothing else?
//
// Pure: reads through the HostFs handed in.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "collector/host_fs.h"
#include "collector/proc_text.h"

namespace muster::collector {

// Fails as HostFs::read does, or with DataLoss when the file holds something else.
[[nodiscard]] inline Result<std::uint64_t> read_lone_count(const HostFs& fs, const Source& source) {
  const auto text = fs.read(source.path);
  if (!text) return tl::unexpected(text.error());
  return parse_lone_count(source, *text);
}

}  // namespace muster::collector
